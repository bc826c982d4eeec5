"""Drives the emulator with Deepgram's own Python library; prints `ok` if every answer is what the library promises."""

import json
import os
import sys

from deepgram import DeepgramClient
from deepgram.environment import DeepgramClientEnvironment
from deepgram.listen.v1.types import ListenV1Metadata, ListenV1Results
from websockets.exceptions import InvalidStatus

AUDIO = open(sys.argv[1], "rb").read()
SENTENCE = sys.argv[2]
HTTP = os.environ["BASE_URL"]
SOCKET = HTTP.replace("http://", "ws://")
HOW = {"model": "nova-3", "language": "sv", "encoding": "mulaw", "sample_rate": 8000, "punctuate": True}


def client(key):
    environment = DeepgramClientEnvironment(base=HTTP, production=SOCKET, agent=SOCKET, agent_rest=HTTP)
    return DeepgramClient(api_key=key, environment=environment)


deepgram = client(os.environ["API_KEY"])


def transcript(result):
    return result.channel.alternatives[0].transcript


def send(connection):
    for start in range(0, len(AUDIO), 160):
        connection.send_media(AUDIO[start : start + 160])


def refused(how, by=deepgram):
    try:
        with by.listen.v1.connect(**how):
            pass
    except InvalidStatus as error:
        # The library passes on what its WebSocket client says of a refused handshake.
        answer = error.response
        body = json.loads(answer.body)
        assert body["request_id"] == answer.headers["dg-request-id"], body
        return answer.status_code, body["err_code"]
    raise AssertionError(f"expected a refusal of {how}")


# A sentence: heard bit by bit, then whole, then the summary and the end.
with deepgram.listen.v1.connect(**HOW, interim_results=True, endpointing=300, keyterm=["Anna"]) as connection:
    connection.send_keep_alive()
    send(connection)
    connection.send_close_stream()
    messages = list(connection)
*results, summary = messages
assert all(isinstance(result, ListenV1Results) for result in results), messages
assert isinstance(summary, ListenV1Metadata) and summary.duration == len(AUDIO) / 8000, summary
interim = [result for result in results if not result.is_final]
assert interim and all(SENTENCE.startswith(transcript(result)) for result in interim), interim
final = [result for result in results if result.is_final]
assert "".join(transcript(result) for result in final) == SENTENCE, final
words = final[0].channel.alternatives[0].words
assert [word.punctuated_word for word in words] == SENTENCE.split()
assert words[0].word == "kaffet" and all(word.start < word.end and 0 < word.confidence <= 1 for word in words)
assert final[0].metadata.request_id == summary.request_id and final[0].metadata.model_info.name == "nova-3"

# Finalize: the same, and the socket stays open.
with deepgram.listen.v1.connect(**HOW) as connection:
    send(connection)
    connection.send_finalize()
    flushed = connection.recv()
    assert flushed.from_finalize and flushed.is_final and transcript(flushed) == SENTENCE, flushed
    connection.send_close_stream()
    assert isinstance(connection.recv(), ListenV1Metadata)

# What is refused: a wrong key, no such model, a parameter of another family of models.
assert refused(HOW, client("wrong")) == (401, "INVALID_AUTH")
assert refused({**HOW, "model": "nova-9"}) == (400, "Bad Request")
assert refused({**HOW, "model": "nova-2", "keyterm": ["Anna"]}) == (400, "Bad Request")

# Faults, as the scenario plans them: from the sixth socket on.
assert refused(HOW) == (402, "ASR_PAYMENT_REQUIRED")
assert refused(HOW) == (429, "TOO_MANY_REQUESTS")
with deepgram.listen.v1.connect(**HOW) as connection:
    try:
        send(connection)
        list(connection)
    except Exception as error:
        assert "close frame" in str(error), error
    else:
        raise AssertionError("expected a lost connection")

print("ok")
