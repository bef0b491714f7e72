"""The demonstration: an MCP server that knows nothing of auditing, a client, and what the trail says about both."""
