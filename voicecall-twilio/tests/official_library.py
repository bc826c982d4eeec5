"""Answers questions with Twilio's own library: one JSON object in, one out."""

import json
import sys

from twilio.jwt import JwtDecodeError
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import VoiceGrant
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Connect, Dial, Enqueue, Gather, Recording, Start, Stop, VoiceResponse


class Fields(dict):
    """The fields of a form, of which a name may occur several times."""

    def __init__(self, pairs):
        super().__init__()
        for name, value in pairs:
            self.setdefault(name, []).append(value)

    def getall(self, name):
        return self[name]


def check(case, validator):
    content = case["body"] if case["body"] is not None else Fields(case["fields"])
    signed = {} if case["body"] is not None else content
    return {
        "accepts": validator.validate(case["url"], content, case["signature"]),
        "signature": validator.compute_signature(case["signed_url"], signed),
        "hash": validator.compute_hash(case["body"] or ""),
    }


def given(**attributes):
    """Attributes that were set: the library would write out None as well."""
    return {name: value for name, value in attributes.items() if value is not None}


def callback(name, url, method=None, **more):
    return {name: url, method or f"{name}_method": "POST", **more} if url else {}


RECORDING_EVENTS = {"recording_status_callback_event": "in-progress completed absent"}


def recording(url):
    return callback("recording_status_callback", url, **RECORDING_EVENTS)


def prompt(parent, step):
    if step["step"] == "say":
        parent.say(step["text"], **given(language=step["language"], voice=step["voice"], loop=step["loop"]))
    elif step["step"] == "play":
        parent.play(step["url"], **given(loop=step["loop"]))
    else:
        parent.pause(length=step["seconds"])


def gather(response, step):
    verb = Gather(
        input=step["input"],
        action=step["next"],
        method="POST",
        timeout=step["timeout"],
        finish_on_key=step["finish_key"],
        **given(
            num_digits=step["digits"],
            speech_timeout=step["speech_timeout"],
            language=step["language"],
            hints=step["hints"],
            action_on_empty_result=step["on_empty"],
        ),
    )
    for inner in step["prompts"]:
        prompt(verb, inner)
    response.append(verb)


def dial(response, step):
    record = {}
    if step["record"]:
        record = {"record": step["record"], "trim": step["trim"], **recording(step["recording_url"])}
    verb = Dial(
        **callback("action", step["next"], "method"),
        timeout=step["timeout"],
        **given(
            time_limit=step["time_limit"],
            caller_id=step["caller_id"],
            answer_on_bridge=step["answer_on_bridge"],
            ring_tone=step["ring_tone"],
            sequential=step["sequential"],
        ),
        **record,
    )
    for number in step["numbers"]:
        events = {"status_callback_event": "initiated ringing answered completed"}
        verb.number(
            number["number"],
            **given(send_digits=number["digits"]),
            **callback("url", number["screening_url"], "method"),
            **callback("status_callback", number["status_url"], **events),
        )
    response.append(verb)


def render(steps):
    response = VoiceResponse()
    for step in steps:
        if step["step"] == "stream":
            status = {"status_callback": step["status_url"], "status_callback_method": "POST"} if step["status_url"] else {}
            connect = Connect()
            stream = connect.stream(url=step["url"], **status)
            for name, value in step["parameters"]:
                stream.parameter(name=name, value=value)
            response.append(connect)
        elif step["step"] in ("say", "play", "pause"):
            prompt(response, step)
        elif step["step"] == "press":
            response.play(digits=step["digits"])
        elif step["step"] == "gather":
            gather(response, step)
        elif step["step"] == "dial":
            dial(response, step)
        elif step["step"] == "hold":
            enqueue = Enqueue(
                name=step["name"], **callback("action", step["next"], "method"), **callback("wait_url", step["music_url"])
            )
            response.append(enqueue)
        elif step["step"] == "join":
            verb = Dial()
            verb.queue(step["name"])
            response.append(verb)
        elif step["step"] == "leave":
            response.leave()
        elif step["step"] == "record":
            response.record(
                action=step["next"],
                method="POST",
                max_length=step["max_length"],
                timeout=step["timeout"],
                play_beep=step["beep"],
                trim=step["trim"],
                **given(finish_on_key=step["finish_key"]),
                **recording(step["recording_url"]),
            )
        elif step["step"] == "start_recording":
            start = Start()
            start.recording(
                name=step["name"], channels=step["channels"], track="both", trim=step["trim"], **recording(step["recording_url"])
            )
            response.append(start)
        elif step["step"] == "stop_recording":
            stop = Stop()
            stop.nest(Recording(name=step["name"]))
            response.append(stop)
        elif step["step"] == "reject":
            response.reject(reason=step["reason"])
        elif step["step"] == "converse":
            connect = response.connect(action=step["next"], method="POST")
            relay = connect.conversation_relay(
                url=step["url"],
                language=step["language"],
                tts_provider=step["speech_provider"],
                voice=step["voice"],
                transcription_provider=step["transcription_provider"],
                speech_model=step["transcription_model"],
                hints=",".join(step["hints"]) or None,
                interruptible=step["interrupted_by"],
                welcome_greeting=step["greeting"],
                welcome_greeting_interruptible=step["interrupted_by"] if step["greeting"] is not None else None,
                dtmf_detection=True,
                report_input_during_agent_speech="none",
            )
            for name, value in step["parameters"]:
                relay.parameter(name=name, value=value)
        elif step["step"] == "redirect":
            response.redirect(step["url"], method="POST")
        else:
            response.hangup()
    return str(response)


def read_token(token, secret):
    """What the library reads of an access token, and whether it makes the same of the same grants."""
    read = AccessToken.from_jwt(token, secret)
    try:
        AccessToken.from_jwt(token, "another secret of the same length or longer")
        forged = False
    except JwtDecodeError:
        forged = True
    payload, voice = read.payload, read.payload["grants"]["voice"]
    outgoing = voice.get("outgoing", {})
    grant = VoiceGrant(
        incoming_allow="incoming" in voice or None,
        outgoing_application_sid=outgoing.get("application_sid"),
        outgoing_application_params=outgoing.get("params"),
    )
    own = AccessToken(
        payload["sub"],
        payload["iss"],
        secret,
        grants=[grant],
        identity=payload["grants"]["identity"],
        nbf=payload["nbf"],
        valid_until=payload["exp"],
        region=read.headers["twr"],
    )
    made = AccessToken.from_jwt(own.to_jwt(), secret)
    timeless = lambda token: {**token.payload, "jti": None}
    same = (made.headers, timeless(made)) == (read.headers, timeless(read))
    return {"headers": read.headers, "payload": payload, "forged": forged, "same": same}


questions = json.load(sys.stdin)
access = questions.get("access", {"tokens": [], "secret": ""})
validator = RequestValidator(questions["token"])
json.dump(
    {
        "checks": [check(case, validator) for case in questions["requests"]],
        "access": [read_token(token, access["secret"]) for token in access["tokens"]],
        "twiml": [render(steps) for steps in questions["flows"]],
    },
    sys.stdout,
)
