"""A server made with MCP's official Python library, with a tool for each thing that can become of a call.

`server.py` speaks on standard input and output; `server.py 8000` speaks streamable HTTP at http://127.0.0.1:8000/mcp, and
says the port once it listens, which the system chooses for `server.py 0`.
"""

import os
import socket
import sys

import anyio
import lifeline  # noqa: F401
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, EmbeddedResource, TextContent, TextResourceContents, ToolAnnotations

server = MCPServer("tests", log_level="WARNING")
# Calls that hang, and those of them that were given up.
hanging = 0
cancelled = 0


@server.tool(description="Says it again", annotations=ToolAnnotations(read_only_hint=True))
def echo(text: str) -> str:
    return text


@server.tool(structured_output=False, annotations=ToolAnnotations(read_only_hint=True))
def process() -> str:
    """The number of the server's process."""
    return str(os.getpid())


@server.tool(structured_output=False)
def environment() -> str:
    return ",".join(sorted(os.environ))


@server.tool(annotations=ToolAnnotations(idempotent_hint=True, destructive_hint=False), structured_output=False)
def key(context: Context) -> str:
    return context.request_context.meta["voicecall/key"]


@server.tool()
def fail() -> str:
    raise ToolError("the oven is cold")


@server.tool(structured_output=False)
def many(bytes: int) -> str:
    return "x" * bytes


@server.tool()
def picture() -> list:
    return [Image(data=b"pixels", format="png"), "a loaf"]


@server.tool()
def resource() -> CallToolResult:
    contents = TextResourceContents(uri="file:///menu", text="bread and rolls")
    return CallToolResult(content=[EmbeddedResource(type="resource", resource=contents)])


@server.tool()
def structured() -> dict[str, int]:
    return {"loaves": 3}


@server.tool()
def end() -> str:
    os._exit(3)


@server.tool()
async def hang() -> str:
    global hanging, cancelled
    hanging += 1
    try:
        await anyio.sleep_forever()
    except anyio.get_cancelled_exc_class():
        cancelled += 1
        raise
    return ""


@server.tool(structured_output=False)
async def wait(for_hanging: int, for_cancelled: int) -> str:
    """Waits until so many calls have hung, and so many of them were given up."""
    while hanging < for_hanging or cancelled < for_cancelled:
        await anyio.sleep(0.01)
    return f"{hanging} {cancelled}"


@server.tool(structured_output=False)
async def grow(context: Context) -> str:
    """Offers one more tool and says so."""
    server.add_tool(echo, name="echo.again")
    await context.session.send_tool_list_changed()
    await context.info("a secret of the caller")
    return "grown"


if len(sys.argv) > 1:
    import uvicorn

    listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    print(listening.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(server.streamable_http_app(), log_level="warning")).run(sockets=[listening])
else:
    print("ready to bake", file=sys.stderr, flush=True)
    server.run()
