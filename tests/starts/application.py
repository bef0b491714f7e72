"""An MCP server as its author deploys it: ``app`` for ASGI, without sessions so that any worker answers.

It knows nothing of auditing; ``opentelemetry-instrument`` or the program that imports it does.
"""

from tests.scenes import servers

app = servers.protected().streamable_http_app(stateless_http=True)
