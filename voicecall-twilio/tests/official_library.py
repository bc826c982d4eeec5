"""Answers questions with Twilio's own library: one JSON object in, one out."""

import json
import sys

from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Connect, VoiceResponse


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
        elif step["step"] == "say":
            response.say(step["text"], language=step["language"])
        elif step["step"] == "redirect":
            response.redirect(step["url"], method="POST")
        else:
            response.hangup()
    return str(response)


questions = json.load(sys.stdin)
validator = RequestValidator(questions["token"])
json.dump(
    {
        "checks": [check(case, validator) for case in questions["requests"]],
        "twiml": [render(steps) for steps in questions["flows"]],
    },
    sys.stdout,
)
