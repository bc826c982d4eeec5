"""Calls an application with Twilio's own library, and judges what passed between it and the emulator.

Reads one JSON object from a line of standard input (api, account_sid, auth_token, ours, theirs) and writes what became
of the call as another; then reads a second one (webhooks, documents) and says whether they are as they should be.
Ends with a traceback at the first surprise.
"""

import json
import sys
import time
import xml.etree.ElementTree as ElementTree

from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.twiml.voice_response import Connect, VoiceResponse

setup = json.loads(sys.stdin.readline())


class ToSimulator(TwilioHttpClient):
    """Sends what is meant for the carrier to the simulator."""

    def request(self, method, url, *args, **kwargs):
        return super().request(method, url.replace("https://api.twilio.com", setup["api"]), *args, **kwargs)


twilio = Client(setup["account_sid"], setup["auth_token"], http_client=ToSimulator())


def until(what, find):
    deadline = time.monotonic() + 60
    while not (found := find()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return found


def ended(sid):
    call = twilio.calls(sid).fetch()
    assert call.status in ("queued", "ringing", "in-progress", "completed"), call.status
    return call if call.status == "completed" else None


def recorded(sid):
    recordings = twilio.calls(sid).recordings.list()
    return recordings[0] if recordings and recordings[0].status == "completed" else None


order = twilio.calls.create(
    to=setup["ours"],
    from_=setup["theirs"],
    twiml="<Response><Pause length='60'/></Response>",
    record=True,
    recording_channels="dual",
    trim="do-not-trim",
)
assert (order.direction, order.status) == ("outbound-api", "queued"), (order.direction, order.status)
ordered = until("the ordered call does not end", lambda: ended(order.sid))
came_in = [call for call in twilio.calls.list(to=setup["ours"]) if call.direction == "inbound"]
assert len(came_in) == 1 and came_in[0]._from == setup["theirs"], came_in
came_in = until("the call that came in does not end", lambda: ended(came_in[0].sid))
recording = until("the recording is not completed", lambda: recorded(order.sid))
assert recording.channels == 2 and recording.call_sid == order.sid
told = {
    "sid": came_in.sid,
    "ordered_seconds": int(ordered.duration),
    "seconds": int(came_in.duration),
    "recorded_seconds": int(recording.duration),
}
print(json.dumps(told), flush=True)

judged = json.loads(sys.stdin.readline())
validator = RequestValidator(setup["auth_token"])
assert judged["webhooks"]
for webhook in judged["webhooks"]:
    form = dict(webhook["form"])
    assert validator.validate(webhook["url"], form, webhook["signature"]), webhook["url"]
    assert not validator.validate(webhook["url"], {**form, "From": "+46700000009"}, webhook["signature"])

assert len(judged["documents"]) == 1, judged["documents"]
document = ElementTree.fromstring(judged["documents"][0])
stream, redirect = document.find("Connect/Stream"), document.find("Redirect")
expected, connect = VoiceResponse(), Connect()
connect.stream(
    url=stream.get("url"), status_callback=stream.get("statusCallback"), status_callback_method="POST"
)
expected.append(connect)
expected.redirect(redirect.text, method="POST")
given = ElementTree.canonicalize(judged["documents"][0])
assert given == ElementTree.canonicalize(str(expected)), (given, str(expected))
print("ok", flush=True)
