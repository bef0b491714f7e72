"""A receiver as a process of its own, to be killed and started again on the same port and store."""

import argparse
import threading
from pathlib import Path
from typing import Any

from tests.receivers.behaviour import by_name


def run(receiver: Any) -> None:
    """Listen until killed; the first line on standard output is the port."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--behave", default="ok")
    given = parser.parse_args()
    with receiver(given.port, store=given.store, behaviour=by_name(given.behave)) as listening:
        print(listening.port, flush=True)
        threading.Event().wait()
