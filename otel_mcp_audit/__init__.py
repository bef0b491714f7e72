"""One OpenTelemetry log record and one span for every MCP call, kept on this machine before the answer leaves."""
