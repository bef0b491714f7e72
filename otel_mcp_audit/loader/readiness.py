"""What a server that must be audited needs before it starts: settings that can be read, a folder, sinks."""

from collections.abc import Mapping

from otel_mcp_audit import journal, settings, sinks
from otel_mcp_audit.errors import ConfigurationError


def problems(environ: Mapping[str, str]) -> list[str]:
    """The configuration errors of an environment: each names the variable, its value and the mend.

    A journal folder that is set is made: whether it can be used cannot be known otherwise.
    """
    found, wrong = settings.read(environ)
    try:
        if found.dir is not None:
            journal.choose(found.dir, environ)
    except ConfigurationError as error:
        wrong.append(str(error))
    try:
        wrong += sinks.problems(sinks.resolve(found.sinks, environ))
    except ConfigurationError as error:
        wrong.append(str(error))
    return wrong
