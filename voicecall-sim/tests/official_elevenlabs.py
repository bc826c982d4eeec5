"""Drives the emulator with ElevenLabs's own Python library; prints `ok` if every answer is what the library promises."""

import base64
import os

from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.errors import UnprocessableEntityError
from elevenlabs.types import VoiceSettings

URL, VOICE, TEXT = os.environ["BASE_URL"], os.environ["VOICE"], "Tack. Vill du vara med?"
client = ElevenLabs(base_url=URL, api_key=os.environ["API_KEY"], timeout=30)


def speak(**options):
    request = {"voice_id": VOICE, "text": TEXT, "model_id": "eleven_flash_v2_5", "output_format": "ulaw_8000"}
    # The library repeats some refusals by itself unless told not to.
    once = {"max_retries": 0}
    return list(client.text_to_speech.stream_with_timestamps(**{**request, **options}, request_options=once))


def fails(kind, action):
    try:
        action()
    except kind as error:
        return error
    raise AssertionError(f"expected {kind.__name__}")


lines = speak()
assert len(lines) > 2
audio = b"".join(base64.b64decode(line.audio_base_64) for line in lines)
told = [line.alignment for line in lines if line.alignment]
assert "".join("".join(one.characters) for one in told) == TEXT
ends = [end for one in told for end in one.character_end_times_seconds]
assert ends == sorted(ends) and ends[-1] <= len(audio) / 8000

page = client.voices.search(page_size=5)
assert [voice.voice_id for voice in page.voices] == [VOICE] and not page.has_more
made = client.voices.ivc.create(name="Anna", files=[("anna.mp3", b"\1" * 1000, "audio/mpeg")], labels={"language": "sv"})
anna = client.voices.get(made.voice_id)
assert (anna.name, anna.category, anna.labels) == ("Anna", "cloned", {"language": "sv"})
client.voices.settings.update(made.voice_id, request=VoiceSettings(speed=0.9))
assert client.voices.settings.get(made.voice_id).speed == 0.9
description = "A calm voice that is not in a hurry"
design = client.text_to_voice.design(voice_description=description, auto_generate_text=True)
kept = client.text_to_voice.create(
    voice_name="Lugn", voice_description=description, generated_voice_id=design.previews[0].generated_voice_id
)
assert client.voices.search(search="lugn").voices[0].voice_id == kept.voice_id
assert client.voices.delete(made.voice_id).status == "ok"

gone = fails(ApiError, lambda: client.voices.get(made.voice_id))
assert gone.status_code == 404 and gone.body["detail"]["code"] == "voice_not_found"
wrong = fails(UnprocessableEntityError, lambda: speak(voice_settings=VoiceSettings(speed=2)))
assert wrong.status_code == 422
stranger = ElevenLabs(base_url=URL, api_key="wrong")
assert fails(ApiError, lambda: stranger.voices.get(VOICE)).status_code == 401
print("ok")
