"""Talks to the emulator's Realtime API with OpenAI's own Python library; prints `ok` if every event is what the library's types promise."""

import base64
import os

from openai import OpenAI
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

URL = os.environ["BASE_URL"]
client = OpenAI(base_url=URL, api_key=os.environ["API_KEY"], max_retries=0, timeout=30)
EVENT = TypeAdapter(RealtimeServerEvent)
QUESTION = "Hur nöjd är du med ditt senaste besök?"
HEARD = "conversation.item.input_audio_transcription"


def receive(connection):
    event = connection.recv()
    # The library itself takes anything; its types do not.
    EVENT.validate_python(event.to_dict())
    return event


def until(connection, kind):
    """All events up to the first of this type."""
    events = [receive(connection)]
    while events[-1].type != kind:
        assert events[-1].type != "error", events[-1]
        events.append(receive(connection))
    return events


def respond(connection, **response):
    connection.response.create(response=response)
    return until(connection, "response.done")


def joined(events, kind):
    return "".join(event.delta for event in events if event.type == kind)


def of_type(events, kind):
    return next(event for event in events if event.type == kind)


def write(connection, text):
    content = [{"type": "input_text", "text": text}]
    connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
    return until(connection, "conversation.item.done")[-1].item


def refusal(connection):
    event = receive(connection)
    assert event.type == "error", event
    return event.error


def caller_says(sentence):
    """A sentence as 24 kHz PCM, from the speech route."""
    speech = client.audio.speech.create(model="tts", voice="vera", input=sentence, response_format="pcm")
    return speech.read()


with client.realtime.connect(model="gpt-realtime-2.1") as connection:
    created = receive(connection)
    assert created.type == "session.created" and created.session.model == "gpt-realtime-2.1", created

    # The session: patched, echoed, and refused by name.
    tools = [{"type": "function", "name": "book", "description": "Books.", "parameters": {"type": "object"}}]
    connection.session.update(
        session={
            "type": "realtime",
            "instructions": "Var kort.",
            "tools": tools,
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24000},
                    "transcription": {"model": "gpt-transcribe", "language": "sv"},
                    "turn_detection": None,
                },
                "output": {"format": {"type": "audio/pcmu"}, "voice": "marin"},
            },
        }
    )
    session = until(connection, "session.updated")[-1].session
    assert session.audio.output.format.type == "audio/pcmu" and session.audio.input.turn_detection is None
    assert session.instructions == "Var kort." and session.tools[0].name == "book"
    connection.session.update(session={"type": "realtime", "temperature": 0.8}, event_id="mine")
    error = refusal(connection)
    assert (error.code, error.param, error.event_id) == ("unknown_parameter", "session.temperature", "mine"), error
    connection.input_audio_buffer.commit()
    assert refusal(connection).code == "input_audio_buffer_commit_empty"
    connection.response.cancel()
    assert refusal(connection).code == "response_cancel_not_active"

    # Text.
    write(connection, "Hej")
    events = respond(connection, output_modalities=["text"])
    assert joined(events, "response.output_text.delta") == of_type(events, "response.output_text.done").text == "Hej hej!"
    response = events[-1].response
    assert response.status == "completed" and response.usage.output_token_details.audio_tokens == 0, response

    # A turn of audio: committed, written down, and answered aloud.
    audio = caller_says(QUESTION)
    for at in range(0, len(audio), 4800):
        connection.input_audio_buffer.append(audio=base64.b64encode(audio[at : at + 4800]).decode())
    connection.input_audio_buffer.commit()
    committed = until(connection, "input_audio_buffer.committed")[-1]
    heard = until(connection, f"{HEARD}.completed")
    assert joined(heard, f"{HEARD}.delta") == heard[-1].transcript == QUESTION, heard
    assert heard[-1].item_id == committed.item_id and heard[-1].usage.type == "tokens"
    events = respond(connection)
    spoken = [event for event in events if event.type == "response.output_audio.delta"]
    pcmu = b"".join(base64.b64decode(event.delta) for event in spoken)
    response, item = events[-1].response, spoken[0].item_id
    assert of_type(events, "response.output_audio_transcript.done").transcript == "Tack. Vill du vara med?"
    assert response.output[0].id == item and response.output[0].content[0].transcript == "Tack. Vill du vara med?"
    assert response.usage.output_token_details.audio_tokens == -(-len(pcmu) // 400), response.usage
    assert response.usage.input_token_details.audio_tokens == -(-len(audio) // 4800), response.usage
    assert response.usage.input_token_details.cached_tokens > 0

    # Cut to what was heard of it.
    connection.conversation.item.truncate(item_id=item, content_index=0, audio_end_ms=len(pcmu) // 8 + 100)
    assert "already shorter" in refusal(connection).message
    connection.conversation.item.truncate(item_id=item, content_index=0, audio_end_ms=500)
    assert until(connection, "conversation.item.truncated")[-1].audio_end_ms == 500
    connection.conversation.item.retrieve(item_id=item)
    part = until(connection, "conversation.item.retrieved")[-1].item.content[0]
    assert part.transcript is None and base64.b64decode(part.audio) == pcmu[:4000]

    # A tool is called, and its result answered.
    write(connection, "Boka bord.")
    events = respond(connection)
    call = events[-1].response.output[-1]
    done = of_type(events, "response.function_call_arguments.done")
    assert (call.type, call.name, call.arguments) == ("function_call", "book", '{"at":19}')
    assert done.call_id == call.call_id and done.name == "book"
    assert joined(events, "response.function_call_arguments.delta") == done.arguments == call.arguments
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "booked"}
    connection.conversation.item.create(item=output)
    until(connection, "conversation.item.done")
    events = respond(connection, output_modalities=["text"])
    assert of_type(events, "response.output_text.done").text == "Klart!"

    # Interrupted.
    said = write(connection, "Berätta allt.")
    connection.response.create()
    until(connection, "response.output_audio.delta")
    connection.response.create(event_id="again")
    while (event := receive(connection)).type != "error":
        assert event.type != "response.done"
    assert event.error.code == "conversation_already_has_active_response" and event.error.event_id == "again"
    connection.response.cancel()
    response = until(connection, "response.done")[-1].response
    assert (response.status, response.status_details.reason) == ("cancelled", "client_cancelled"), response
    assert response.output[0].status == "incomplete"
    connection.conversation.item.delete(item_id=said.id)
    until(connection, "conversation.item.deleted")
    connection.conversation.item.delete(item_id=said.id)
    assert refusal(connection).code == "item_delete_invalid_item_id"

    # What the scenario does not cover, and what its faults do.
    write(connection, "Vad?")
    response = respond(connection)[-1].response
    assert response.status == "failed" and "Vad?" in response.status_details.error.message, response
    response = respond(connection)[-1].response
    assert (response.status, response.status_details.error.code) == ("failed", "rate_limit_exceeded"), response

try:
    with client.realtime.connect(model="gpt-realtime-2.1") as connection:
        connection.recv()
    raise AssertionError("the second socket was to be refused")
except AssertionError:
    raise
except Exception as error:
    assert "429" in str(error), error

print("ok")
