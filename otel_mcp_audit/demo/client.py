"""Three people work with the records server for a moment: ``python client.py PORT``.

Prints the client's own log, one line of JSON for each call it sent: ``id`` (the ``X-Request-ID``), ``user``,
``tenant``, ``tool``, ``saw`` (what came back). Written with the MCP SDK's client, 1.x or 2.x, and nothing of ours.
"""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any, Final

mcp: Final[Any] = import_module("mcp")
transports: Final[Any] = import_module("mcp.client.streamable_http")
MODERN: Final = hasattr(mcp, "Client")
ASSISTANT: Final = mcp.Implementation(name="ward-assistant", version="2.1")
httpx: Final[Any] = import_module("httpx2" if MODERN else "httpx")

TIMEOUT_S: Final = 20.0

Step = tuple[str, dict[str, Any]]

EXPORT: Final[Step] = ("export_charts", {})
DAY: Final[dict[tuple[str, str], tuple[Step, ...]]] = {
    ("alice", "acme"): (
        ("find_patient", {"name": "A"}),
        ("read_chart", {"patient_id": "4711"}),
        ("add_note", {"patient_id": "4711", "text": "Feels better."}),
        ("read_chart", {"patient_id": "8001"}),  # the other clinic's
        ("add_note", {"patient_id": "4711"}),  # says nothing
    ),
    ("bob", "globex"): (
        ("read_chart", {"patient_id": "8001"}),
        ("insurer_of", {"patient_id": "8001"}),  # nobody's: the server crashes over it
        ("drop_table", {"name": "patients"}),  # there is no such tool
    ),
    ("carol", "acme"): (
        ("find_patient", {"name": "B"}),
        EXPORT,  # given up while it runs
        ("read_chart", {"patient_id": "4712"}),
    ),
}


class Person:
    """Somebody with a client in session."""

    def __init__(self, user: str, tenant: str) -> None:
        self._user = user
        self._tenant = tenant
        self._cancelled = asyncio.Event()
        self.sent: Any = None
        self.session: Any = None

    async def stamp(self, request: Any) -> None:
        """Put an ``X-Request-ID`` on every request, and remember the call it belongs to."""
        message: dict[str, Any] = json.loads(request.content) if request.method == "POST" else {}
        if "id" in message:
            request.headers["X-Request-ID"] = f"{self._user}-{message['id']}"
        if message.get("method") == "tools/call":
            self.sent = message["id"]

    async def arrived(self, response: Any) -> None:
        """Notice when the server has heard that a call is given up."""
        if b"notifications/cancelled" in response.request.content:
            self._cancelled.set()

    async def do(self, step: Step) -> None:
        """Make one call and log what came of it."""
        tool, arguments = step
        self.sent = None
        saw = await (self.give_up(tool) if step is EXPORT else self.call(tool, arguments))
        entry = {
            "id": f"{self._user}-{self.sent}",
            "user": self._user,
            "tenant": self._tenant,
            "tool": tool,
            "saw": saw,
        }
        print(json.dumps(entry), flush=True)  # noqa: T201 -- its log is its output

    async def call(self, tool: str, arguments: dict[str, Any]) -> str:
        """Call and wait for the answer."""
        result = await self.session.call_tool(tool, arguments)
        failed = result.is_error if MODERN else result.isError
        return "an error" if failed else "an answer"

    async def give_up(self, tool: str) -> str:
        """Call, and cancel the call at its first sign of life."""
        begun = asyncio.Event()

        async def progress(_done: float, _total: float | None, _message: str | None) -> None:
            begun.set()

        call = asyncio.create_task(self.session.call_tool(tool, {}, progress_callback=progress))
        await begun.wait()
        if MODERN:
            call.cancel()
        else:
            await self.session.send_notification(_cancelled(self.sent))
        await asyncio.gather(call, return_exceptions=True)
        # Leaving at once could overtake it: then the server would see a session end, not a call given up.
        await self._cancelled.wait()
        return "nothing, gave up"


def _cancelled(rpc_id: int) -> Any:
    message = {"method": "notifications/cancelled", "params": {"requestId": rpc_id}}
    return import_module("mcp.types").ClientNotification.model_validate(message)


def _session(receive: Any, send: Any) -> Any:
    return mcp.ClientSession(receive, send, client_info=ASSISTANT)


@asynccontextmanager
async def _transport(port: int, http_client: Callable[..., Any]) -> AsyncGenerator[Any]:
    url = f"http://127.0.0.1:{port}/mcp"
    if hasattr(transports, "streamable_http_client"):
        async with http_client() as entered, transports.streamable_http_client(url, http_client=entered) as streams:
            yield streams
    else:  # mcp before 1.24 takes only what makes the client
        async with transports.streamablehttp_client(url, httpx_client_factory=http_client) as streams:
            yield streams


@asynccontextmanager
async def in_session(person: Person, token: str, port: int) -> AsyncGenerator[None]:
    """Connect a person to the server, in a stateful session."""

    def http_client(**_: object) -> Any:
        hooks = {"request": [person.stamp], "response": [person.arrived]}
        return httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, event_hooks=hooks, timeout=TIMEOUT_S)

    transport = _transport(port, http_client)
    if MODERN:
        async with mcp.Client(transport, mode="legacy", client_info=ASSISTANT) as person.session:
            yield
    else:
        async with transport as (receive, send, _), _session(receive, send) as person.session:
            await person.session.initialize()
            yield


async def main(port: int) -> None:
    """Everybody's calls, one after the other."""
    for (user, tenant), steps in DAY.items():
        person = Person(user, tenant)
        async with in_session(person, f"token-{user}", port):
            for step in steps:
                await person.do(step)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
