"""The scenes' server in an application with logs and metrics of its own: ``python application.py {stdio|http}``."""

import logging
import sys
from pathlib import Path
from typing import Final

from opentelemetry import metrics

# Behind the installed packages: what is audited, and what audits, is what is installed.
sys.path.append(str(Path(__file__).parents[2]))

from tests.scenes import serve

SAID: Final = "the clinic is open"
COUNTED: Final = "clinic.openings"

if __name__ == "__main__":
    logging.getLogger("clinic").warning(SAID)
    metrics.get_meter("clinic").create_counter(COUNTED).add(1)
    serve.main("framework", sys.argv[1])
