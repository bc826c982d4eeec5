"""Drives the emulator with OpenAI's own Python library; prints `ok` if every answer is what the library promises."""

import io
import json
import os
import wave

import openai
from openai import OpenAI
from pydantic import BaseModel

URL = os.environ["BASE_URL"]
client = OpenAI(base_url=URL, api_key=os.environ["API_KEY"], max_retries=0, timeout=30)
SCHEMA = {
    "name": "consent",
    "strict": True,
    "schema": {
        "type": "object",
        "properties": {"decision": {"type": "string", "enum": ["yes", "no"]}},
        "required": ["decision"],
        "additionalProperties": False,
    },
}


# The library sends the name of the class as the name of the schema.
class consent(BaseModel):
    decision: str


def ask(text, **options):
    messages = [{"role": "system", "content": "Decide."}, {"role": "user", "content": text}]
    return client.chat.completions.create(model="gpt-6-luna", messages=messages, **options)


def fails(kind, action):
    try:
        action()
    except kind as error:
        return error
    raise AssertionError(f"expected {kind.__name__}")


def wav(pcm, rate=24000):
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(pcm)
    return ("turn.wav", file.getvalue(), "audio/wav")


def speak(text, form):
    pieces = []
    with client.audio.speech.with_streaming_response.create(
        model="tts", voice="vera", input=text, response_format=form
    ) as response:
        pieces.extend(response.iter_bytes())
    assert len(pieces) > 1
    return b"".join(pieces)


# Models, and who may ask.
assert [model.object for model in client.models.list()] == ["model"] * 3
wrong_key = OpenAI(base_url=URL, api_key="wrong", max_retries=0)
assert fails(openai.AuthenticationError, lambda: wrong_key.models.list()).code == "invalid_api_key"
assert fails(openai.NotFoundError, lambda: client.embeddings.create(model="x", input="y")).status_code == 404

# Chat: streamed with a schema and usage, whole, parsed.
chunks = list(
    ask(
        "Ja, det går bra.",
        stream=True,
        stream_options={"include_usage": True},
        response_format={"type": "json_schema", "json_schema": SCHEMA},
    )
)
assert chunks[0].choices[0].delta.role == "assistant"
text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
assert json.loads(text) == {"decision": "yes"}, text
assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
assert all(chunk.usage is None for chunk in chunks[:-1])
assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == len(chunks) - 3

whole = ask("Hej")
assert whole.choices[0].message.content == "Hej hej!" and whole._request_id.startswith("req_")
cut = ask("Hej", max_completion_tokens=1)
assert (cut.choices[0].message.content, cut.choices[0].finish_reason) == ("Hej", "length")
parsed = client.chat.completions.parse(
    model="gpt-6-luna", messages=[{"role": "user", "content": "Ja, det går bra."}], response_format=consent
)
assert parsed.choices[0].message.parsed.decision == "yes"

# Tools: streamed in pieces, whole, and their results; an orphan on either side is refused.
TOOLS = [
    {"type": "function", "function": {"name": name, "description": name, "parameters": {"type": "object"}}}
    for name in ("book", "look")
]


def converse(messages, **options):
    return client.chat.completions.create(model="gpt-6-luna", messages=messages, tools=TOOLS, **options)


wish = [{"role": "user", "content": "Boka bord."}]
with client.chat.completions.stream(model="gpt-6-luna", messages=wish, tools=TOOLS) as stream:
    streamed = stream.get_final_completion().choices[0]
whole = converse(wish).choices[0]
for choice in (streamed, whole):
    calls = choice.message.tool_calls
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", "Ett ögonblick."), choice
    assert [call.function.name for call in calls] == ["book", "look"] and calls[0].id != calls[1].id
    assert [json.loads(call.function.arguments) for call in calls] == [{"at": 19, "name": "Åsa"}, {}]
asked = wish + [whole.message.model_dump(exclude_none=True)]
results = [{"role": "tool", "tool_call_id": call.id, "content": "booked"} for call in whole.message.tool_calls]
assert converse(asked + results).choices[0].message.content == "Klart!"
assert converse(asked + results + wish).choices[0].finish_reason == "tool_calls"
assert fails(openai.BadRequestError, lambda: converse(asked + results[:1])).param == "messages[1].role"
assert fails(openai.BadRequestError, lambda: converse(wish + results)).param == "messages[1].role"

# What is not in the scenario, or not in the protocol, is an error.
assert "Vad?" in fails(openai.InternalServerError, lambda: ask("Vad?")).message
assert fails(openai.BadRequestError, lambda: ask("Hej", extra_body={"mood": 1})).param == "mood"
assert fails(openai.BadRequestError, lambda: speak("Det säger ingen.", "pcm")).param == "input"
assert fails(openai.BadRequestError, lambda: speak("Tack.", "mp3")).param == "response_format"

# What is spoken is heard.
sentence = "Hur nöjd är du med ditt senaste besök?"
pcm = speak(sentence, "pcm")
heard = client.audio.transcriptions.create(
    model="gpt-4o-transcribe", file=wav(pcm), language="sv", include=["logprobs"]
)
assert heard.text == sentence, heard.text
assert all(-1 < token.logprob <= 0 for token in heard.logprobs)
assert "".join(token.token for token in heard.logprobs) == sentence
verbose = client.audio.transcriptions.create(
    model="whisper-1",
    file=("turn.wav", speak(sentence, "wav")),
    response_format="verbose_json",
    timestamp_granularities=["word", "segment"],
)
assert verbose.text == sentence and verbose.segments[0].avg_logprob > -1
assert [word.word for word in verbose.words] == sentence.split()
starts = [word.start for word in verbose.words]
assert starts == sorted(starts) and verbose.words[-1].end <= verbose.duration == len(pcm) / 48000
assert client.audio.transcriptions.create(model="any", file=wav(bytes(48000))).text == ""
# The second half alone gives the words that are in it.
half = client.audio.transcriptions.create(model="any", file=wav(pcm[len(pcm) // 4 * 2 :])).text
assert half and sentence.endswith(half) and half != sentence, half

# Faults, as the scenario plans them: from the ninth chat answer on.
limited = fails(openai.RateLimitError, lambda: ask("Hej"))
assert limited.response.headers["retry-after"] == "2" and limited.code == "rate_limit_exceeded"
assert fails(openai.InternalServerError, lambda: ask("Hej")).status_code == 503
fails(openai.APIConnectionError, lambda: ask("Hej"))
# The library passes on what its HTTP client says of a body that ends too soon.
received, stream = [], ask("Hej", stream=True)
broken = fails(Exception, lambda: received.extend(stream))
assert type(broken).__name__ in ("RemoteProtocolError", "APIConnectionError") and 0 < len(received) < 4, broken
hasty = client.with_options(timeout=0.5)
fails(
    openai.APITimeoutError,
    lambda: hasty.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hej"}]),
)
assert ask("Hej").choices[0].message.content == "Hej hej!"

print("ok")
