"""What the property-based tester has to know beside the document: how webhooks are signed, and ids that exist."""

import hashlib
import hmac
import os
import time

import schemathesis
from requests.auth import AuthBase
from schemathesis import GenerationMode

SECRET = os.environ["CONTRACT_SECRET"].encode()
KNOWN = {
    "businessId": os.environ["CONTRACT_BUSINESS"],
    "sessionId": os.environ["CONTRACT_SESSION"],
    "verificationId": os.environ["CONTRACT_VERIFICATION"],
}


class Signature(AuthBase):
    """`X-Voicecall-Signature: t=<unix seconds>,v1=<hex HMAC-SHA-256 of "<t>.<raw body>">`."""

    def __call__(self, request):
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        now = str(int(time.time()))
        digest = hmac.new(SECRET, now.encode() + b"." + body, hashlib.sha256).hexdigest()
        request.headers["x-voicecall-signature"] = f"t={now},v1={digest}"
        return request


class Bearer(AuthBase):
    """The token of the business."""

    def __call__(self, request):
        request.headers["authorization"] = "Bearer " + os.environ["CONTRACT_TOKEN"]
        return request


schemathesis.auth.set_from_requests(Signature()).apply_to(path_regex="/webhooks/")
schemathesis.auth.set_from_requests(Bearer()).skip_for(path_regex="/webhooks/")


@schemathesis.hook
def before_call(context, case, kwargs):
    """Most well-formed requests are about things that exist: others stop at the first look-up."""
    meta = case.meta
    if meta is None or meta.generation.mode != GenerationMode.POSITIVE:
        return
    for place in (case.path_parameters, case.query, case.body):
        if not isinstance(place, dict):
            continue
        for name in KNOWN.keys() & place.keys():
            # One in four stays as it is. The choice depends on the value only, so that each run is the same.
            if hashlib.sha256(str(place[name]).encode()).digest()[0] % 4:
                place[name] = KNOWN[name]
    # What only goes together with something else, so that more than its refusal is seen.
    if case.path.startswith("/analytics") and isinstance(case.query, dict) and "from" in case.query:
        case.query["until"] = case.query["from"]
    if isinstance(case.body, dict) and isinstance(case.body.get("callPreferences"), dict):
        case.body["callPreferences"].update(timeZone="Europe/Stockholm", fromHour="08:00", untilHour="21:00")
