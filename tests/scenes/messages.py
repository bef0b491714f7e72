"""JSON-RPC as the wire drivers write it."""

from collections.abc import Mapping
from typing import Any, Final

from tests.scenes import kernel
from tests.scenes.kernel import Era

Message = dict[str, Any]

INITIALIZED: Final[Message] = {"jsonrpc": "2.0", "method": "notifications/initialized"}


def initialize(rpc_id: str) -> Message:
    """The handshake's request."""
    params = {
        "protocolVersion": kernel.LEGACY_VERSION,
        "capabilities": {},
        "clientInfo": {"name": "scenes-wire", "version": "1"},
    }
    return {"jsonrpc": "2.0", "id": rpc_id, "method": "initialize", "params": params}


def request(rpc_id: str, method: str, params: Mapping[str, Any], era: Era) -> Message:
    """A request; in the modern era it carries its own envelope."""
    enveloped = {**params, "_meta": kernel.MODERN_META} if era == "modern" else dict(params)
    return {"jsonrpc": "2.0", "id": rpc_id, "method": method, "params": enveloped}


def cancelled(rpc_id: str) -> Message:
    """The client has given up on a request."""
    params = {"requestId": rpc_id, "reason": "the scene wants it"}
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}
