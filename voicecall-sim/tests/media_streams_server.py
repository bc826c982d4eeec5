"""A small voice agent behind Twilio Media Streams: greets, listens for energy, answers each turn, stops when it is interrupted.

    media_streams_server.py CLIP [MISBEHAVIOUR]

CLIP is mu-law audio, which is all the agent ever says. Prints its port, and then what callers tell it about themselves. With a misbehaviour
it does one thing wrong: see `misbehave`. Needs the `websockets` package.
"""

import asyncio
import base64
import hashlib
import hmac
import http
import json
import pathlib
import sys

from websockets.asyncio.server import serve

CLIP = pathlib.Path(sys.argv[1]).read_bytes()
MISBEHAVIOUR = sys.argv[2] if len(sys.argv) > 2 else None
TOKEN = b"made-up-token"
SPEECH, SILENCE = 5, 20  # frames of 20 ms: this much sound is speech, this much silence ends a turn


def is_loud(audio):
    # The bits of the magnitude are inverted in mu-law: small codes are loud.
    return sum((~code & 0x7F) > 0x38 for code in audio) > len(audio) // 8


def signature(request):
    url = f"ws://{request.headers['Host']}{request.path}"
    return base64.b64encode(hmac.digest(TOKEN, url.encode(), hashlib.sha1)).decode()


def check(connection, request):
    if MISBEHAVIOUR == "refuses" or request.headers.get("X-Twilio-Signature") not in (None, signature(request)):
        return connection.respond(http.HTTPStatus.FORBIDDEN, "no\n")


async def misbehave(socket, stream):
    def media(audio, stream=stream):
        payload = base64.b64encode(audio).decode()
        return json.dumps({"event": "media", "streamSid": stream, "media": {"payload": payload}})

    if MISBEHAVIOUR == "closes":
        await socket.close(1011, "out of order")
    elif MISBEHAVIOUR == "garbage":
        broken = media(b"").replace('"payload": ""', '"payload": "@"')
        for message in ["{", json.dumps({"event": "dance", "streamSid": stream}), broken, b"\xff" * 160]:
            await socket.send(message)
        await socket.send(media(CLIP))
    elif MISBEHAVIOUR == "wrong_stream":
        await socket.send(media(CLIP, "MZ" + 32 * "0"))
    elif MISBEHAVIOUR == "floods":
        for _ in range(11):
            await socket.send(media(60 * 8000 * b"\x20"))
    elif MISBEHAVIOUR == "breaks":
        socket.transport.abort()
    # "silent" and all of the above then listen, and say nothing.
    async for _ in socket:
        pass


async def call(socket):
    stream, waiting, marks, loud, quiet, heard = None, 0, 0, 0, 0, False

    async def send(event, **fields):
        await socket.send(json.dumps({"event": event, "streamSid": stream, **fields}))

    async def say():
        nonlocal waiting, marks
        waiting, marks = waiting + 1, marks + 1
        await send("media", media={"payload": base64.b64encode(CLIP).decode()})
        await send("mark", mark={"name": f"said {marks}"})

    async for text in socket:
        message = json.loads(text)
        match message["event"]:
            case "start":
                stream = message["streamSid"]
                print(json.dumps(message["start"]["customParameters"], sort_keys=True), flush=True)
                if MISBEHAVIOUR:
                    return await misbehave(socket, stream)
                await say()
            case "mark":
                waiting -= 1
            case "media" if is_loud(base64.b64decode(message["media"]["payload"])):
                loud, quiet = loud + 1, 0
                heard = heard or loud >= SPEECH
                if loud == SPEECH and waiting:
                    await send("clear")
            case "media":
                quiet += 1
                loud = loud if quiet < SPEECH else 0
                if heard and quiet == SILENCE:
                    heard = False
                    await say()


async def main():
    async with serve(call, "127.0.0.1", 0, process_request=check) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
