"""A server that greets as it should and then breaks the protocol in the way its first argument names."""

import json
import os
import sys
import time

import lifeline  # noqa: F401

how = sys.argv[1]
TOOL = {"name": "bake", "inputSchema": {"type": "object"}}


def say(message):
    sys.stdout.write(message + "\n")
    sys.stdout.flush()


def answer(request, result):
    say(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}))


if how == "ends at once":
    sys.exit(1)
if how == "says nothing":
    # Nor does the process it has started.
    os.fork()
    time.sleep(600)
if how == "greets in plain words":
    say("Welcome to the bakery!")
    say("{}")

listed = False
for line in sys.stdin:
    request = json.loads(line)
    method = request.get("method")
    if method == "initialize":
        if how == "refuses":
            say(json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32000, "message": "no"}}))
            continue
        version = request["params"]["protocolVersion"]
        info = {"name": "broken", "version": "1"}
        answer(request, {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info})
    elif method == "tools/list" and how == "lists without end":
        answer(request, {"tools": [TOOL], "nextCursor": "again"})
    elif method == "tools/list" and how == "lists once" and listed:
        say(json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32603, "message": "no list"}}))
    elif method == "tools/list":
        listed = True
        # A client may keep it for a minute; ours does not.
        answer(request, {"tools": [TOOL], "ttlMs": 60_000, "cacheScope": "public"})
    elif method == "tools/call":
        if how == "answers no JSON":
            say("the bread burned")
        elif how == "answers a list":
            answer(request, [1, 2])
        elif how == "answers something else":
            answer(request, {"bread": "rye"})
        elif how == "answers another request":
            answer({"id": 999}, {"content": []})
        elif how == "answers an error":
            say(json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32602, "message": "no flour"}}))
        elif how == "answers more than can be read":
            answer(request, {"content": [{"type": "text", "text": "x" * (17 * 1024 * 1024)}]})
        elif how == "ends its output":
            os.close(1)
        else:
            answer(request, {"content": [{"type": "text", "text": "baked"}]})

if how == "does not end":
    time.sleep(600)
