"""What a flood of refused requests costs a server, and what it leaves behind, audited and not.

Two servers of mcp 2.x behind bearer tokens, each in a process of its own, are flooded in turn, round by round, by one
client over one connection: with requests without a token, or with a valid token and a session id made up each time.
CPU seconds and memory are the server process's own, from ``/proc``; records and bytes are the journal's.

``python -m benchmarks.flood [--requests 100000] [--rounds 10] [--rate 60/60s]``.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).parents[1]
TOKEN: Final = "token-of-alice"
AT_ONCE: Final = 50
"""Requests that are written before their answers are read."""


def serve(folder: str, rate: str) -> None:
    """Serve on a free port, which is told on stdout; audited if a folder is given."""
    if folder:
        from otel_mcp_audit import MCPAuditInstrumentor, Settings  # noqa: PLC0415 -- only in the variant that has it

        MCPAuditInstrumentor().instrument(settings=Settings(dir=folder, sinks="none", refusals=rate))
    import uvicorn  # noqa: PLC0415 -- the kernel is imported after the instrumentor
    from mcp.server.auth.provider import AccessToken  # noqa: PLC0415 -- likewise
    from mcp.server.auth.settings import AuthSettings  # noqa: PLC0415 -- likewise
    from mcp.server.mcpserver import MCPServer  # noqa: PLC0415 -- likewise

    class Verifier:
        """Knows one token."""

        async def verify_token(self, token: str) -> AccessToken | None:
            """Whose it is."""
            return AccessToken(token=token, client_id="c", scopes=[], subject="alice") if token == TOKEN else None

    address = {"issuer_url": "https://idp.example", "resource_server_url": "http://127.0.0.1/mcp"}
    auth = AuthSettings.model_validate({**address, "validate_token_resource": False})
    application = MCPServer("flood", log_level="CRITICAL", token_verifier=Verifier(), auth=auth).streamable_http_app()
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    server = uvicorn.Server(uvicorn.Config(application, log_level="critical", access_log=False))
    server.run(sockets=[listening])


class Cost(NamedTuple):
    """Of one round: CPU seconds of the server, and its resident memory in MiB after it."""

    cpu_s: float
    rss_mib: float


class Server:
    """A server in a process of its own."""

    def __init__(self, folder: str, rate: str) -> None:
        command = [sys.executable, "-m", "benchmarks.flood", "--serve", folder, "--rate", rate]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self._process.stdout
        self._port = int(self._process.stdout.readline())

    def flood(self, kind: str, requests: int) -> Cost:
        """Send so many requests, each refused."""
        before = self._cpu_s()
        with socket.create_connection(("127.0.0.1", self._port)) as connection, connection.makefile("rb") as answers:
            for sent in range(0, requests, AT_ONCE):
                now = min(AT_ONCE, requests - sent)
                connection.sendall(b"".join(request(kind) for _ in range(now)))
                for _ in range(now):
                    refused(answers)
        return Cost(self._cpu_s() - before, self._rss_mib())

    def _cpu_s(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _rss_mib(self) -> float:
        pages = Path(f"/proc/{self._process.pid}/statm").read_text(encoding="utf-8").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def end(self) -> None:
        """Send SIGTERM and wait."""
        self._process.terminate()
        self._process.wait(30)


def request(kind: str) -> bytes:
    """One request, as bytes on the wire."""
    known = (
        f"Authorization: Bearer {TOKEN}\r\nMcp-Session-Id: {uuid.uuid4().hex}\r\n" if kind == "unknown_session" else ""
    )
    head = f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{known}"
    return f"{head}Content-Length: 2\r\n\r\n{{}}".encode()


def refused(answers: Any) -> None:
    """Read one answer, which must be a refusal."""
    status = answers.readline()
    assert status.split()[1] in {b"401", b"404"}, status
    length = 0
    while (line := answers.readline()) != b"\r\n":
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    answers.read(length)


def run(kind: str, requests: int, rounds: int, rate: str) -> None:
    """Flood both servers in turn, and print what it cost and what it left."""
    with tempfile.TemporaryDirectory() as folder:
        servers = {"unaudited": Server("", rate), "audited": Server(folder, rate)}
        costs: dict[str, list[Cost]] = {name: [server.flood(kind, 100)] for name, server in servers.items()}
        for _ in range(rounds):
            for name, server in servers.items():
                costs[name].append(server.flood(kind, requests // rounds))
        for server in servers.values():
            server.end()
        lines = [line for path in Path(folder).glob("*/*.jsonl") for line in path.read_bytes().splitlines()]
        events = [json.loads(line)["event"] for line in lines]
        starts = sum(path.stat().st_size for path in Path(folder).glob("*/*.starts"))
    kept = [event for event in events if event["event_type"] == "access_denied"]
    stands_for = sum(event.get("repeated", {"count": 1})["count"] for event in kept)
    print(f"{kind}, {rate}: {requests + 100} refused; {len(kept)} records stand for {stands_for};", end=" ")
    print(f"{sum(map(len, lines))} bytes of records, {starts} of starts")
    for name, found in costs.items():
        cpu = [cost.cpu_s / (requests // rounds) * 1e6 for cost in found[1:]]
        total = sum(cost.cpu_s for cost in found)
        print(f"  {name}: {total:.1f} CPU s, {statistics.median(cpu):.0f} us each (median of rounds),", end=" ")
        print(f"RSS {found[0].rss_mib:.1f} -> {found[-1].rss_mib:.1f} MiB")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--serve")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--rate", default="60/60s")
    given = parser.parse_args()
    if given.serve is not None:
        serve(given.serve, given.rate)
    else:
        for kind in ("no_token", "unknown_session"):
            run(kind, given.requests, given.rounds, given.rate)


if __name__ == "__main__":
    main()
