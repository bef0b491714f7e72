"""HTTP connections whose answer must be there in time, and whole.

A plain timeout begins anew with each byte that trickles in; and to ``http.client`` headers that break off are all the
headers there are, so that an answer cut after ``200 OK`` is one without a body.
"""

import io
import socket
import time
from typing import Any, Final

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.response import HTTPResponse


class DeadlineAdapter(HTTPAdapter):
    """Mounted on a session it bounds connecting, sending and the answer each by the request's timeout."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Use our connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Use our connections through a proxy too; SOCKS keeps its own."""
        manager = super().proxy_manager_for(*args, **kwargs)
        if isinstance(manager, ProxyManager):
            manager.pool_classes_by_scheme = _POOLS
        return manager


class _Connection(HTTPConnection):
    def getresponse(self) -> HTTPResponse:
        with _Timed(self):
            return super().getresponse()


class _SecureConnection(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:
        with _Timed(self):
            return super().getresponse()


class _Pool(HTTPConnectionPool):
    ConnectionCls: Any = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls: Any = _SecureConnection


_POOLS: Final[dict[str, Any]] = {"http": _Pool, "https": _SecurePool}


class _Timed:
    """Stands in for a connection's socket while its response object is made, which then reads through us."""

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection
        self._socket: socket.socket = connection.sock
        self._timeout: float | None = None

    def __enter__(self) -> None:
        self._connection.sock = self  # pyright: ignore[reportAttributeAccessIssue] -- a socket as far as it is used

    def __exit__(self, *_: object) -> None:
        # http.client takes the socket away itself where the answer ends the connection.
        if self._connection.sock is self:
            self._connection.sock = self._socket

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def settimeout(self, seconds: float | None) -> None:
        self._timeout = seconds
        self._socket.settimeout(seconds)

    def makefile(self, mode: str) -> io.BufferedReader:
        del mode  # http.client's answer is always read as bytes
        # The socket's own raw file keeps it open after the connection has closed its end.
        raw = self._socket.makefile("rb", buffering=0)
        return _WholeLines(_TimedRaw(self._socket, raw, self._timeout))


class _WholeLines(io.BufferedReader):
    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line.endswith(b"\n") and (size is None or size < 0 or len(line) < size):
            raise ConnectionResetError("the answer was cut off")
        return line


class _TimedRaw(io.RawIOBase):
    def __init__(self, sock: socket.socket, raw: io.RawIOBase, seconds: float | None) -> None:
        self._socket = sock
        self._raw = raw
        self._until = None if seconds is None else time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        if self._until is not None:
            left = self._until - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer took too long")
            self._socket.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
