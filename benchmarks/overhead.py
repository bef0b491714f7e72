"""What a complete, sealed, journalled, delivered record costs on mcp 2.x, server side, as a ratio to the bare call.

Five servers, each in a process of its own, do the same calls of the same tool in turn, round by round, so that what
else the machine does falls on all of them alike:

* ``bare``: no OpenTelemetry SDK, no auditing;
* ``span``: the kernel's own SERVER span through the stock SDK, batch processor and OTLP exporter;
* ``span+log``: the same, and one plain OTel log record a call through the stock batch processor and OTLP exporter;
* ``audit``: the same span, and our record: sealed, in the journal, and delivered with true acknowledgement;
* ``audit+metrics``: the same, with the stock meter provider and OTLP exporter, so that our metrics are collected.

All send OTLP over HTTP to a receiver in yet another process. A call is timed at ``ServerRunner._on_request``, the
kernel's outermost point. CPU is that of the whole process, its exporter threads and the final flush included.

``python -m benchmarks.overhead [--rounds 15] [--calls 2000]``
"""

import argparse
import asyncio
import json
import logging
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

VARIANTS: Final = ("bare", "span", "span+log", "audit", "audit+metrics")
ROOT: Final = Path(__file__).parents[1]
META: Final = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


def stock(*, log: bool) -> tuple[list[Any], Any]:
    """The stock SDK as the distro sets it up; answers what has to be flushed, and a logger."""
    from opentelemetry import trace  # noqa: PLC0415 -- only in the variants that have it
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter  # noqa: PLC0415 -- same
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 -- same
    from opentelemetry.sdk._logs import LoggerProvider  # noqa: PLC0415 -- same
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor  # noqa: PLC0415 -- same
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 -- same
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 -- same

    tracing = TracerProvider()
    tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), max_queue_size=1 << 20))
    trace.set_tracer_provider(tracing)
    if not log:
        return [tracing.force_flush], None
    logs = LoggerProvider()
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(), max_queue_size=1 << 20))
    return [tracing.force_flush, logs.force_flush], logs.get_logger("plain")


def measured() -> Any:
    """The stock meter provider as the distro sets it up; answers what flushes it."""
    from opentelemetry import metrics  # noqa: PLC0415 -- only in the variant that has it
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415 -- same
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 -- same
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415 -- same

    provider = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())])
    metrics.set_meter_provider(provider)
    return provider.force_flush


def logged(call: Any, logger: Any) -> Any:
    """One plain log record a call: ten attributes, emitted after it."""
    from opentelemetry._logs import SeverityNumber  # noqa: PLC0415 -- only in the variant that has it

    attributes = {
        "mcp.method.name": "tools/call", "gen_ai.tool.name": "add", "user.id": "alice", "tenant.id": "acme",
        "jsonrpc.request.id": "1", "client.address": "10.0.0.1", "mcp.session.id": "x" * 32, "outcome": "success",
        "duration_ms": 1.2, "request.id": "r-1",
    }  # fmt: skip

    async def called() -> Any:
        result = await call()
        now = time.time_ns()
        logger.emit(timestamp=now, severity_number=SeverityNumber.INFO, event_name="plain.call", attributes=attributes)
        return result

    return called


def build(variant: str) -> tuple[Any, list[Any]]:
    """The call to time, and what flushes the variant's pipelines."""
    flushes, logger = stock(log=variant == "span+log") if variant != "bare" else ([], None)
    if variant == "audit+metrics":
        flushes.append(measured())
    if variant.startswith("audit"):
        from otel_mcp_audit import MCPAuditInstrumentor  # noqa: PLC0415 -- only in the variant that has it
        from otel_mcp_audit.runtime import RUNTIME  # noqa: PLC0415 -- same

        MCPAuditInstrumentor().instrument()
        flushes.append(lambda: RUNTIME.auditor().flush(60.0))
    call = runner_call()
    return (logged(call, logger) if logger is not None else call), flushes


def runner_call() -> Any:
    """One ``tools/call`` at the kernel's outermost point, on a real server with a real tool."""
    import anyio  # noqa: PLC0415 -- after the instrumentor
    from mcp.server.connection import Connection  # noqa: PLC0415 -- same
    from mcp.server.mcpserver import MCPServer  # noqa: PLC0415 -- same
    from mcp.server.runner import ServerRunner  # noqa: PLC0415 -- same
    from mcp.shared.transport_context import TransportContext  # noqa: PLC0415 -- same

    server = MCPServer("bench")

    @server.tool()
    async def add(a: int, b: int) -> int:  # pyright: ignore[reportUnusedFunction] -- the server calls it
        return a + b

    class Dispatch:
        transport = TransportContext(kind="bench", can_send_request=False)
        request_id = 1
        message_metadata = None
        cancel_requested = anyio.Event()
        can_send_request = False

    connection = Connection.from_envelope("2026-07-28", None, {})
    runner = ServerRunner(server._lowlevel_server, connection, {})  # pyright: ignore[reportPrivateUsage] -- so is the seam
    params = {"name": "add", "arguments": {"a": 1, "b": 2}, "_meta": META}
    return lambda: runner.on_request(Dispatch, "tools/call", params)


async def serve(variant: str, calls: int) -> None:
    """Do a round for each line on stdin, and print its figures."""
    logging.disable(logging.CRITICAL)
    call, flushes = build(variant)
    for _ in range(500):
        await call()
    print("ready", flush=True)
    for _ in sys.stdin:
        times: list[int] = []
        cpu = time.process_time()
        for _ in range(calls):
            began = time.perf_counter_ns()
            await call()
            times.append(time.perf_counter_ns() - began)
            if not len(times) % 100:
                await asyncio.sleep(0)
        for flush in flushes:
            flush()
        cpu = time.process_time() - cpu
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"p50": statistics.median(times) / 1e3, "mean": statistics.fmean(times) / 1e3,
                          "cpu": cpu / calls * 1e6, "rss": memory}), flush=True)  # fmt: skip


def start(variant: str, endpoint: str, calls: int, journal: Path) -> subprocess.Popen[str]:
    """A variant's process, warmed up."""
    env = os.environ | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_MCP_AUDIT_DIR": str(journal),
    }
    command = [sys.executable, "-m", "benchmarks.overhead", "--serve", variant, "--calls", str(calls)]
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def round_of(process: subprocess.Popen[str]) -> dict[str, float]:
    """Have one round done."""
    assert process.stdin
    assert process.stdout
    process.stdin.write("go\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def measure(rounds: int, calls: int) -> dict[str, list[dict[str, float]]]:
    """All variants in turn, ``rounds`` times, against one receiver."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.receivers.otlp_http", "--port", "0", "--store", f"{folder}/store"]
        receiver = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert receiver.stdout
        endpoint = f"http://127.0.0.1:{receiver.stdout.readline().split()[-1]}"
        processes = {name: start(name, endpoint, calls, Path(folder) / "journal") for name in VARIANTS}
        figures: dict[str, list[dict[str, float]]] = {name: [] for name in VARIANTS}
        for number in range(rounds):
            for name in VARIANTS:
                figures[name].append(round_of(processes[name]))
            print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        for process in (*processes.values(), receiver):
            process.kill()
            process.wait()
    return figures


def table(figures: dict[str, list[dict[str, float]]]) -> str:
    """The figures as Markdown; ratios are medians of the rounds' own ratios."""
    rows = ["| server | p50 us | ratio | CPU us/call, whole process | ratio | RSS MiB |", "|---|---|---|---|---|---|"]
    for name, rounds in figures.items():
        ratios = {
            key: statistics.median(mine[key] / bare[key] for mine, bare in zip(rounds, figures["bare"], strict=True))
            for key in ("p50", "cpu")
        }
        p50, cpu = (statistics.median(each[key] for each in rounds) for key in ("p50", "cpu"))
        rss = max(each["rss"] for each in rounds) / 1024
        rows.append(f"| {name} | {p50:.1f} | {ratios['p50']:.2f} | {cpu:.1f} | {ratios['cpu']:.2f} | {rss:.0f} |")
    return "\n".join(rows)


def main() -> None:
    """Measure, or serve one variant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--serve", choices=VARIANTS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve, options.calls))
    else:
        print(table(measure(options.rounds, options.calls)))


if __name__ == "__main__":
    main()
