"""The certificates that OTLP's standard variables name, looked at before a library is handed them.

gRPC ends the whole process where it gets half a pair of certificate and key, and OpenSSL says of a damaged file only
"PEM lib".
"""

import os
import ssl
from pathlib import Path
from typing import Final, NamedTuple

from otel_mcp_audit.sinks.quote import quote
from otel_mcp_audit.sinks.sink import Unavailable

_KEY: Final = b"PRIVATE KEY-----"


class Pem(NamedTuple):
    """A file of certificates or with a key.

    Attributes:
        named: the variable and what it is set to, as an error quotes it.
        path: where it is.
        content: all of it.
    """

    named: str
    path: str
    content: bytes


class Certificates(NamedTuple):
    """What the variables name; None for what none names.

    Attributes:
        authority: who may vouch for the destination.
        key: the sender's own; never without ``chain``.
        chain: the sender's own; never without ``key``.
    """

    authority: Pem | None
    key: Pem | None
    chain: Pem | None


def certificates() -> Certificates:
    """Read the files that the environment names.

    Raises:
        Unavailable: one that is missing, damaged or no pair with the other; it may be mended while the server runs.
    """
    authority, key, chain = (_read(name) for name in ("CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE"))
    if key is None and chain is not None and _KEY in chain.content:
        key = chain
    if key is None and chain is not None:
        raise Unavailable(f"{chain.named} has no key in it: set OTEL_EXPORTER_OTLP_CLIENT_KEY too")
    if key is not None and chain is None:
        raise Unavailable(f"{key.named} is of no use alone: set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE too")
    found = Certificates(authority, key, chain)
    _check(found)
    return found


def named(name: str) -> tuple[str, str] | None:
    """The variable that is set to something, that of the logs first, and its value."""
    for variable in (f"OTEL_EXPORTER_OTLP_LOGS_{name}", f"OTEL_EXPORTER_OTLP_{name}"):
        if value := os.environ.get(variable):
            return variable, value
    return None


def _read(name: str) -> Pem | None:
    found = named(name)
    if found is None:
        return None
    variable, path = found
    said = f"{variable}={quote(path)}"
    try:
        return Pem(said, path, Path(path).read_bytes())
    except OSError as error:
        raise Unavailable(f"{said} cannot be read: {error.strerror}") from error


def _check(found: Certificates) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if found.authority is not None:
        try:
            context.load_verify_locations(found.authority.path)
        except (ssl.SSLError, OSError) as error:
            raise Unavailable(f"{found.authority.named} is no certificate in PEM") from error
    if found.key is not None and found.chain is not None:
        try:
            # Without a password OpenSSL would ask the terminal for that of an encrypted key.
            context.load_cert_chain(found.chain.path, found.key.path, password="")
        except (ssl.SSLError, OSError) as error:
            raise Unavailable(
                f"{found.chain.named} and {found.key.named} are no certificate in PEM with its key, unencrypted"
            ) from error
