"""Servers started by what other people's packages bring: gunicorn, ``mcp run``, ``fastmcp run``, ``uvx``."""
