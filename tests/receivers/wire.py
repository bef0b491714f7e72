"""The network between a sender and a receiver: it can break off in the middle, or crawl."""

import contextlib
import socket
import threading


class Wire:
    """A TCP relay on loopback while it is entered.

    Args:
        port: the receiver's port.

    Attributes:
        cut_after: bytes of answers on a connection after which it is cut; None never.
        pause: seconds after each single byte of an answer; 0 lets whole pieces through.
        answered: bytes of answers that went through so far.
        connections: how many were made.
    """

    def __init__(self, port: int) -> None:
        self.cut_after: int | None = None
        self.pause = 0.0
        self.answered = self.connections = 0
        self._to = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closing = threading.Event()
        self.port: int = self._listener.getsockname()[1]

    @property
    def endpoint(self) -> str:
        """Base URL of the near end."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "Wire":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        # shutdown wakes the accepting thread, which close alone does not
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            try:
                far = socket.create_connection(self._to, 5)
            except OSError:
                near.close()
                continue
            threading.Thread(target=self._relay, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._relay, args=(far, near, True), daemon=True).start()

    def _relay(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                if answers and self.cut_after is not None and passed + len(piece) > self.cut_after:
                    target.sendall(piece[: max(0, self.cut_after - passed)])
                    break
                passed += len(piece)
                self.answered += len(piece) if answers else 0
                self._pass_on(target, piece, slowly=answers and self.pause > 0)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _pass_on(self, target: socket.socket, piece: bytes, *, slowly: bool) -> None:
        if not slowly:
            target.sendall(piece)
            return
        for byte in piece:
            target.sendall(bytes((byte,)))
            if self._closing.wait(self.pause):
                return
