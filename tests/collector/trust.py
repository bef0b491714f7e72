"""What ``test-ca`` makes, and the variables that name it."""

import ssl
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tests.collector.binary import CONFIG
from tests.collector.collector import Collector

ACME, GLOBEX = "acme-mcp", "globex-mcp"
_EXTENSIONS: Final = {"server": "subjectAltName=DNS:localhost,IP:127.0.0.1"}


class Trust:
    """What ``test-ca`` made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run([CONFIG / "test-ca", folder, ACME, GLOBEX], check=True)

    def authorization(self, sender: str) -> str:
        """The header of a sender with its password."""
        password = (self.folder / f"{sender}.password").read_text(encoding="utf-8").strip()
        return "Basic " + b64encode(f"{sender}:{password}".encode()).decode()

    def collectors(self) -> dict[str, str]:
        """The variables of a Collector."""
        return {
            "AUDIT_LISTEN_HOST": "127.0.0.1",
            "AUDIT_TLS_CERT": str(self.folder / "server.pem"),
            "AUDIT_TLS_KEY": str(self.folder / "server.key"),
            "AUDIT_TLS_CLIENT_CA": str(self.folder / "ca.pem"),
            "AUDIT_HTPASSWD_FILE": str(self.folder / "htpasswd"),
        }

    def senders(self, sender: str) -> dict[str, str]:
        """The variables of an MCP server."""
        return {
            "OTEL_EXPORTER_OTLP_CERTIFICATE": str(self.folder / "ca.pem"),
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(self.folder / f"{sender}.pem"),
            "OTEL_EXPORTER_OTLP_CLIENT_KEY": str(self.folder / f"{sender}.key"),
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization={quote(self.authorization(sender))}",
            "OTEL_RESOURCE_ATTRIBUTES": "mcp_audit.sender.id=somebody-else,com.splunk.index=of-somebody-else",
        }

    def client(self, sender: str | None, version: ssl.TLSVersion) -> ssl.SSLContext:
        """A client's context, with or without a certificate."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        context.minimum_version = context.maximum_version = version
        if sender:
            context.load_cert_chain(self.folder / f"{sender}.pem", self.folder / f"{sender}.key")
        return context

    def expired(self, name: str) -> str:
        """Sign a certificate anew that has ended already."""
        extension = _EXTENSIONS.get(name, "extendedKeyUsage=clientAuth")
        (self.folder / "expired.ext").write_text(extension, encoding="utf-8")
        script = (
            f"openssl req -new -key {name}.key -subj /CN={name} | openssl x509 -req -CA ca.pem -CAkey ca.key"
            f" -CAcreateserial -days -1 -extfile expired.ext -out {name}-expired.pem"
        )
        subprocess.run(["sh", "-euc", script], cwd=self.folder, check=True, capture_output=True)
        return str(self.folder / f"{name}-expired.pem")


def https(collector: Collector, *, grpc: bool) -> str:
    """Where it takes OTLP, by the name in its certificate."""
    return (collector.grpc if grpc else collector.endpoint).replace("http://127.0.0.1", "https://localhost")
