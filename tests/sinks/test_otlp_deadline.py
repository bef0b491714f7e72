"""The time and the wholeness of an answer, seen close up."""

import socket
import time
from collections.abc import Iterator

import pytest
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ReadTimeoutError

from otel_mcp_audit.sinks import otlp_deadline


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    yield near, far
    near.close()
    far.close()


def connected(near: socket.socket, timeout: float | None) -> HTTPConnection:
    connection = otlp_deadline._Connection("localhost", timeout=timeout)  # pyright: ignore[reportPrivateUsage]
    connection.sock = near
    connection.request("POST", "/", preload_content=False)
    return connection


def test_an_answer_has_its_time_from_the_first_byte_on_not_anew_with_each(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    near, far = ends
    connection = connected(near, 10)
    far.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
    response = connection.getresponse()
    assert response.read(2) == b"ab"
    assert 0 < (near.gettimeout() or 0) < 10, "what is left of it"
    far.sendall(b"c")
    now = time.monotonic()
    monkeypatch.setattr(otlp_deadline.time, "monotonic", lambda: now + 11)
    with pytest.raises(ReadTimeoutError):
        response.read(2)


def test_without_a_timeout_there_is_none(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    connection = connected(near, None)
    far.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert connection.getresponse().read() == b"ok"


def test_a_connection_that_is_to_be_closed_gives_its_answer_first(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    connection = connected(near, 10)
    far.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it")
    response = connection.getresponse()
    far.shutdown(socket.SHUT_WR)
    assert response.read() == b"all of it"
    assert connection.sock is None


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"])
def test_headers_that_break_off_are_no_answer(ends: tuple[socket.socket, socket.socket], answer: bytes) -> None:
    near, far = ends
    connection = connected(near, 10)
    far.sendall(answer)
    far.shutdown(socket.SHUT_WR)
    with pytest.raises(ConnectionResetError, match="cut off"):
        connection.getresponse()
