"""Drives the simulator with Twilio's own Python library.

Reads one JSON object from standard input: api, account_sid, auth_token, answer_url, from, to, answers
(a number that does), stopped (a number that has opted out), received (a message with a picture), sub_account_sid,
sub_auth_token, for_sale (mobile numbers of Sweden), webhooks. Ends with a traceback at the first surprise.
"""

import base64
import io
import json
import sys
import time
import urllib.error
import urllib.request
import wave

from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

setup = json.load(sys.stdin)


class ToSimulator(TwilioHttpClient):
    """Sends what is meant for the carrier to the simulator."""

    def request(self, method, url, *args, **kwargs):
        for product in ["api", "conversations", "intelligence"]:
            url = url.replace(f"https://{product}.twilio.com", setup["api"])
        return super().request(method, url, *args, **kwargs)


def client(token):
    return Client(setup["account_sid"], token, http_client=ToSimulator())


def refused(run, status, code):
    try:
        run()
    except TwilioRestException as error:
        assert (error.status, error.code) == (status, code), error
    else:
        raise AssertionError(f"expected {status}/{code}")


twilio = client(setup["auth_token"])


def create(**changes):
    fields = {"to": setup["to"], "from_": setup["from"], "url": setup["answer_url"], **changes}
    return twilio.calls.create(**fields)


call = create(
    timeout=20,
    time_limit=120,
    status_callback=setup["answer_url"],
    status_callback_event=["initiated", "ringing", "answered", "completed"],
)
assert call.sid.startswith("CA") and len(call.sid) == 34, call.sid
assert (call.status, call.direction, call.to, call._from) == ("queued", "outbound-api", setup["to"], setup["from"])
assert call.date_created is not None and call.start_time is None

assert twilio.calls(call.sid).fetch().sid == call.sid
assert twilio.api.accounts(setup["account_sid"]).fetch().status == "active"

others = [create(twiml="<Response><Pause length='5'/></Response>", url=None).sid for _ in range(4)]
listed = [found.sid for found in twilio.calls.list(to=setup["to"], page_size=2)]
assert listed == [*reversed(others), call.sid], listed
assert twilio.calls.list(to="+46700000099") == []
assert [found.sid for found in twilio.calls.list(limit=3, page_size=2)] == listed[:3]

canceled = twilio.calls(others[-1]).update(status="canceled")
assert canceled.status == "canceled", canceled.status
refused(lambda: twilio.calls(others[-1]).update(twiml="<Response/>"), 400, 21220)
assert [found.sid for found in twilio.calls.list(status="canceled")] == [others[-1]]
assert twilio.calls(others[-1]).delete()
refused(lambda: twilio.calls(others[-1]).fetch(), 404, 20404)

refused(lambda: create(to="12"), 400, 21211)
refused(lambda: create(from_="+15005550001"), 400, 21210)
refused(lambda: create(url="not an address"), 400, 21205)
refused(lambda: twilio.calls("CA" + "0" * 32).fetch(), 404, 20404)
refused(lambda: client("wrong").calls(call.sid).fetch(), 401, 20003)

# A call that is answered: recorded, paused, resumed, ended; its audio fetched; deleted.
with_all = create(
    to=setup["answers"],
    url=None,
    twiml="<Response><Pause length='60'/></Response>",
    machine_detection="Enable",
    async_amd="true",
    async_amd_status_callback=setup["answer_url"],
    record=True,
    recording_channels="dual",
    recording_status_callback=setup["answer_url"],
)
deadline = time.monotonic() + 60
while twilio.calls(with_all.sid).fetch().status != "in-progress":
    assert time.monotonic() < deadline, "the call is not answered"
    time.sleep(0.05)
recordings = twilio.calls(with_all.sid).recordings
recording = recordings.create(recording_channels="dual", trim="do-not-trim")
assert (recording.status, recording.channels, recording.source) == ("in-progress", 2, "StartCallRecordingAPI")
time.sleep(0.3)
assert recordings(recording.sid).update(status="paused", pause_behavior="skip").status == "paused"
assert recordings("Twilio.CURRENT").fetch().call_sid == with_all.sid
assert recordings(recording.sid).update(status="in-progress").status == "in-progress"
assert recordings(recording.sid).update(status="stopped").status == "processing"
assert {found.sid for found in recordings.list()} > {recording.sid}
while twilio.recordings(recording.sid).fetch().status != "completed":
    assert time.monotonic() < deadline, "the recording is not completed"
    time.sleep(0.05)
media = f"{setup['api']}/2010-04-01/Accounts/{setup['account_sid']}/Recordings/{recording.sid}.wav?RequestedChannels=2"
basic = base64.b64encode(f"{setup['account_sid']}:{setup['auth_token']}".encode()).decode()
request = urllib.request.Request(media, headers={"Authorization": f"Basic {basic}"})
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
with opener.open(request) as answer, wave.open(io.BytesIO(answer.read())) as audio:
    assert (audio.getnchannels(), audio.getframerate(), audio.getsampwidth()) == (2, 8000, 2)
    assert audio.getnframes() > 0
try:
    opener.open(urllib.request.Request(media))
except urllib.error.HTTPError as error:
    assert error.code == 401, error
else:
    raise AssertionError("audio without credentials")
# Its transcripts, and live transcriptions of its call.
service = "GA" + "1" * 32
channel = {"media_properties": {"source_sid": recording.sid}}
intelligence = twilio.intelligence.v2
transcript = intelligence.transcripts.create(service_sid=service, channel=channel)
assert (transcript.status, transcript.service_sid) == ("queued", service) and transcript.sid.startswith("GT")
while intelligence.transcripts(transcript.sid).fetch().status != "completed":
    assert time.monotonic() < deadline, "the transcript is not completed"
    time.sleep(0.05)
assert [found.sid for found in intelligence.transcripts.list(source_sid=recording.sid)] == [transcript.sid]
sentences = intelligence.transcripts(transcript.sid).sentences.list(page_size=1)
assert [(found.media_channel, found.transcript) for found in sentences] == [(1, "understood"), (2, "understood")]
assert intelligence.transcripts(transcript.sid).delete()
refused(lambda: intelligence.transcripts(transcript.sid).fetch(), 404, 20404)
refused(lambda: intelligence.transcripts.create(service_sid=service, channel={}), 400, 20001)
live = twilio.calls(with_all.sid).transcriptions.create(
    status_callback_url=setup["answer_url"], track="inbound_track", name="first", partial_results=True
)
assert (live.status, live.name, live.call_sid) == ("in-progress", "first", with_all.sid)
assert twilio.calls(with_all.sid).transcriptions("first").update(status="stopped").status == "stopped"
refused(lambda: twilio.calls(with_all.sid).transcriptions.create(track="third"), 400, 20001)
refused(lambda: twilio.calls(with_all.sid).transcriptions("second").update(status="stopped"), 404, 20404)
assert twilio.recordings(recording.sid).transcriptions.list() == [] and twilio.transcriptions.list() == []
refused(lambda: twilio.transcriptions("TR" + "0" * 32).fetch(), 404, 20404)
assert twilio.recordings(recording.sid).delete()
refused(lambda: twilio.recordings(recording.sid).delete(), 404, 20404)
while twilio.calls(with_all.sid).fetch().answered_by != "human":
    assert time.monotonic() < deadline, "no verdict"
    time.sleep(0.05)
assert twilio.calls(with_all.sid).update(status="completed").status == "completed"
refused(lambda: recordings.create(), 400, 21220)
refused(lambda: twilio.calls(with_all.sid).transcriptions.create(), 400, 21220)
refused(lambda: create(machine_detection="Guess"), 400, 20001)
refused(lambda: create(send_digits="hello"), 400, 20001)

# Messages: sent, followed, listed, redacted and deleted; one that came in, with its picture.
text = twilio.messages.create(
    to=setup["to"], from_=setup["from"], body="Hej d\u00e5 \U0001f642", status_callback=setup["answer_url"]
)
assert text.sid.startswith("SM") and (text.status, text.direction) == ("queued", "outbound-api")
assert (text.num_segments, text.num_media, text.price, text.error_code) == ("1", "0", None, None)
assert text.date_created is not None and text.date_sent is None
while twilio.messages(text.sid).fetch().status != "delivered":
    assert time.monotonic() < deadline, "the message is not delivered"
    time.sleep(0.05)
known = twilio.messages(text.sid).fetch()
assert (known.body, known.price_unit) == ("Hej d\u00e5 \U0001f642", "usd") and known.date_sent is not None
picture = twilio.messages.create(to=setup["to"], from_=setup["from"], media_url=["https://demo.example/a.jpg"])
assert (picture.sid[:2], picture.num_media) == ("MM", "1")
whatsapp = twilio.messages.create(to="whatsapp:" + setup["to"], from_="whatsapp:" + setup["from"], body="Hej")
assert [found.sid for found in twilio.messages.list(to=setup["to"], page_size=1)] == [picture.sid, text.sid]
assert [found.sid for found in twilio.messages.list(date_sent=known.date_sent)][-1:] != []
assert twilio.messages(text.sid).update(body="").body == ""
assert twilio.messages(text.sid).delete()
refused(lambda: twilio.messages(text.sid).fetch(), 404, 20404)
refused(lambda: twilio.messages.create(to=setup["to"], from_=setup["from"]), 400, 21602)
refused(lambda: twilio.messages.create(to="12", from_=setup["from"], body="Hej"), 400, 21211)
refused(lambda: twilio.messages.create(to=setup["to"], from_=setup["from"], body="x" * 1601), 400, 21617)
refused(lambda: twilio.messages.create(to=setup["stopped"], from_=setup["from"], body="Hej"), 400, 21610)
received = twilio.messages(setup["received"])
assert (received.fetch().status, received.fetch().direction) == ("received", "inbound")
[medium] = received.media.list()
assert medium.content_type == "image/png" and received.media(medium.sid).fetch().parent_sid == setup["received"]
file = urllib.request.Request(
    setup["api"] + medium.uri.removesuffix(".json"), headers={"Authorization": f"Basic {basic}"}
)
with opener.open(file) as answer:
    assert (answer.headers["content-type"], answer.read()) == ("image/png", b"\x03" * 900)

# A sub-account: acted on with its own credentials, or with those of the account that it belongs to.
sub_sid = setup["sub_account_sid"]
for credentials in [(setup["account_sid"], setup["auth_token"]), (sub_sid, setup["sub_auth_token"])]:
    sub = Client(*credentials, account_sid=sub_sid, http_client=ToSimulator())
    assert sub.api.account.fetch().owner_account_sid == setup["account_sid"]
    assert sub.calls.list() == []
above = Client(sub_sid, setup["sub_auth_token"], account_sid=setup["account_sid"], http_client=ToSimulator())
refused(lambda: above.calls(call.sid).fetch(), 401, 20003)

# Numbers: searched, bought, set, listed and given back.
mobile = twilio.available_phone_numbers("SE").mobile
assert [found.phone_number for found in mobile.list(voice_enabled=True, sms_enabled=True)] == setup["for_sale"]
[found] = mobile.list(contains=setup["for_sale"][1][3:])
assert (found.iso_country, found.capabilities["SMS" if "SMS" in found.capabilities else "sms"]) == ("SE", True)
assert mobile.list(mms_enabled=True) == []
try:
    # The library has no code for a page that is refused.
    twilio.available_phone_numbers("NO").mobile.list()
except TwilioException as error:
    assert error.args[1].status_code == 404, error
else:
    raise AssertionError("nothing is sold there")
bought = twilio.incoming_phone_numbers.create(phone_number=found.phone_number, sms_url=setup["answer_url"])
assert (bought.phone_number, bought.sms_url, bought.voice_url) == (found.phone_number, setup["answer_url"], None)
refused(lambda: twilio.incoming_phone_numbers.create(phone_number=found.phone_number), 400, 21422)
refused(lambda: twilio.incoming_phone_numbers.create(area_code="808"), 400, 21452)
refused(lambda: twilio.incoming_phone_numbers.create(phone_number=setup["for_sale"][0], voice_url="x"), 400, 21402)
changed = twilio.incoming_phone_numbers(bought.sid).update(voice_url=setup["answer_url"], sms_url="")
assert (changed.voice_url, changed.sms_url) == (setup["answer_url"], None)
listed = [known.phone_number for known in twilio.incoming_phone_numbers.list()]
assert listed == [setup["from"], found.phone_number], listed
assert twilio.incoming_phone_numbers(bought.sid).delete()
refused(lambda: twilio.incoming_phone_numbers(bought.sid).fetch(), 404, 20404)

# Conversations: made, found, filled, read page by page, changed, closed and deleted.
chats = twilio.conversations.v1
order = chats.conversations.create(
    unique_name="order 17/a", friendly_name="Anna", attributes='{"a": 1}', timers_inactive="PT1H", timers_closed="P1D"
)
assert (order.sid[:2], order.state, order.attributes) == ("CH", "active", '{"a": 1}')
assert set(order.timers) == {"date_inactive", "date_closed"} and order.date_created is not None
assert chats.conversations("order%2017%2Fa").fetch().sid == order.sid
refused(lambda: chats.conversations.create(unique_name="order 17/a"), 409, 50353)
refused(lambda: chats.conversations.create(timers_inactive="PT1S"), 400, 20001)
refused(lambda: chats.conversations.create(attributes="no JSON"), 400, 20001)
refused(lambda: chats.conversations("CH" + "0" * 32).fetch(), 404, 20404)
refused(lambda: client("wrong").conversations.v1.conversations(order.sid).fetch(), 401, 20003)
named = chats.services("IS" + "5" * 32).conversations
assert named.list() == [] and named.create().chat_service_sid == "IS" + "5" * 32
chat = chats.conversations(order.sid)
customer = chat.participants.create(
    messaging_binding_address=setup["answers"], messaging_binding_proxy_address=setup["from"]
)
assert customer.messaging_binding["type"] == "sms" and customer.identity is None
anna = chat.participants.create(identity="anna")
refused(lambda: chat.participants.create(identity="anna"), 409, 50433)
refused(
    lambda: chat.participants.create(
        messaging_binding_address=setup["answers"], messaging_binding_proxy_address=setup["from"]
    ),
    409,
    50416,
)
refused(
    lambda: chat.participants.create(messaging_binding_address="12", messaging_binding_proxy_address=setup["from"]),
    400,
    50407,
)
assert [found.sid for found in chat.participants.list()] == [customer.sid, anna.sid]
assert chat.participants("anna").fetch().sid == anna.sid
assert chat.participants(anna.sid).update(last_read_message_index=0).last_read_message_index == 0
sent = [chat.messages.create(author="anna", body=f"Hej {number}", x_twilio_webhook_enabled="true") for number in range(5)]
assert [message.index for message in sent] == list(range(5))
assert [message.body for message in chat.messages.list(page_size=2)] == [f"Hej {number}" for number in range(5)]
assert [message.index for message in chat.messages.list(order="desc", limit=3, page_size=2)] == [4, 3, 2]
while chat.messages(sent[0].sid).fetch().delivery["delivered"] != "all":
    assert time.monotonic() < deadline, "the message is not delivered"
    time.sleep(0.05)
[receipt] = chat.messages(sent[0].sid).delivery_receipts.list()
assert (receipt.status, receipt.participant_sid, receipt.error_code) == ("delivered", customer.sid, 0)
assert chat.messages(sent[0].sid).delivery_receipts(receipt.sid).fetch().channel_message_sid.startswith("SM")
assert chat.messages(sent[1].sid).update(body="Hej!").body == "Hej!"
assert chat.messages(sent[2].sid).delete()
refused(lambda: chat.messages(sent[2].sid).fetch(), 404, 20404)
refused(lambda: chat.messages.create(author="anna", body="x" * 1601), 400, 50504)
refused(lambda: chat.messages.create(author="anna"), 400, 20001)


def media(path, body=None, headers=()):
    address = f"{setup['api']}/v1/Services/{order.chat_service_sid}/Media{path}"
    return opener.open(urllib.request.Request(address, body, {"Authorization": f"Basic {basic}", **dict(headers)}))


with media("", b"\x07" * 70000, [("Content-Type", "image/jpeg")]) as answer:
    file = json.load(answer)
    assert (answer.status, file["size"], file["content_type"]) == (201, 70000, "image/jpeg")
[shown] = chat.messages.create(author="anna", media_sid=file["sid"]).media
assert (shown["sid"], shown["size"]) == (file["sid"], 70000)
with media(f"/{file['sid']}/Content") as answer:
    assert answer.read() == b"\x07" * 70000
hook = chat.webhooks.create(
    target="webhook", configuration_url=setup["answer_url"], configuration_filters=["onMessageAdded", "onDeliveryUpdated"]
)
assert hook.configuration["filters"] == ["onMessageAdded", "onDeliveryUpdated"]
assert [found.sid for found in chat.webhooks.list()] == [hook.sid] and chat.webhooks(hook.sid).delete()
hooks = chats.configuration.webhooks()
assert hooks.update(pre_webhook_url=setup["answer_url"], filters=["onMessageAdd"]).filters == ["onMessageAdd"]
assert hooks.fetch().pre_webhook_url == setup["answer_url"] and hooks.update(pre_webhook_url="").pre_webhook_url is None
assert chats.configuration().fetch().default_chat_service_sid == order.chat_service_sid
assert chat.participants(anna.sid).delete()
assert chat.update(state="closed").state == "closed"
assert [found.sid for found in chats.conversations.list(state="closed", page_size=1)] == [order.sid]
refused(lambda: chat.messages.create(author="anna", body="Hej"), 400, 50377)
assert chat.delete()
refused(lambda: chat.fetch(), 404, 20404)

validator = RequestValidator(setup["auth_token"])
assert setup["webhooks"]
for webhook in setup["webhooks"]:
    form = {}
    for name, value in webhook["form"]:
        form.setdefault(name, []).append(value)
    form = {name: values if len(values) > 1 else values[0] for name, values in form.items()}
    assert validator.validate(webhook["url"], form, webhook["signature"]), webhook["url"]
    assert not validator.validate(webhook["url"] + "x", form, webhook["signature"])
print("ok")
