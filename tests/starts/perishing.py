"""A stdio server with a tool that ends its process where nothing of Python runs any more."""

import os
import sys
from pathlib import Path
from typing import Final

# Behind the installed packages: what is audited, and what audits, is what is installed.
sys.path.append(str(Path(__file__).parents[2]))

from tests.scenes import servers

STATUS: Final = 7


def vanish() -> str:
    """Leave without a word."""
    os._exit(STATUS)


def main() -> None:
    """Serve."""
    server = servers.framework()
    server.add_tool(vanish)
    server.run()


if __name__ == "__main__":
    main()
