"""Client and server in one process with the OTel SDK: ``python spanning.py STYLE ERA`` prints every span as JSON."""

import json
import sys
from pathlib import Path

import anyio
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

# Behind the installed packages: what is audited, and what audits, is what is installed.
sys.path.append(str(Path(__file__).parents[2]))

from otel_mcp_audit import MCPAuditInstrumentor
from tests.scenes import inprocess, memory_runs, scenes, servers
from tests.scenes.kernel import PAIRS, Era, Style


def wanted(style: Style, era: Era) -> list[str]:
    """The scenes that end by themselves."""
    return [name for name in memory_runs.expectations(style, era) if name not in memory_runs.UNANSWERED]


async def main(style: Style, era: Era) -> None:
    """Play every scene that ends by itself."""
    server = servers.build(style)
    async with inprocess.connected(server, era) as session:
        player = inprocess.Player(style, server, session)
        for name in wanted(style, era):
            await player.play(name, "")
            if name == scenes.LEAK.name:
                await anyio.sleep(2 * servers.LEAK_DELAY)


def _described(span: ReadableSpan) -> dict[str, object]:
    scope, context = span.instrumentation_scope, span.get_span_context()
    assert scope
    assert context
    return {
        "scope": scope.name,
        "kind": span.kind.name,
        "name": span.name,
        "end_ns": span.end_time,
        "span_id": trace.format_span_id(context.span_id),
        "attributes": dict(span.attributes or {}),
        "status": span.status.status_code.name,
    }


if __name__ == "__main__":
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    MCPAuditInstrumentor().instrument()
    anyio.run(main, *next(pair for pair in PAIRS if list(pair) == sys.argv[1:]))
    for span in exporter.get_finished_spans():
        print(json.dumps(_described(span)))
