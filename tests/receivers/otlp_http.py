"""The program ``python -m tests.receivers.otlp_http --port 0 --store FILE``; the receiver is in ``over_http``."""

from tests.receivers import command
from tests.receivers.over_http import HttpReceiver

__all__ = ["HttpReceiver"]

if __name__ == "__main__":
    command.run(HttpReceiver)
