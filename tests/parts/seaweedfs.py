"""SeaweedFS: an object store by S3's own API, with object lock, and the AWS command line to look at it."""

import json
import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

from tests.collector.collector import free_ports
from tests.parts.part import programs
from tests.parts.server import PATIENCE, Server

_PORTS: Final = ("master", "volume", "filer", "s3")
KEY, SECRET = "audit", "audit-secret"


class SeaweedFS(Server):
    """A store without a bucket.

    Attributes:
        url: where it serves S3.
        environ: the environment in which ``aws`` and a Collector reach it.
    """

    def __init__(self, folder: Path) -> None:
        self.programs = programs("seaweedfs")
        ports = free_ports(2 * len(_PORTS))
        options = [
            option
            for number, name in enumerate(_PORTS)
            for option in (f"-{name}.port={ports[2 * number]}", f"-{name}.port.grpc={ports[2 * number + 1]}")
        ]
        self._master, self.url = (f"http://127.0.0.1:{ports[number]}" for number in (0, 6))
        identities = folder / "identities.json"
        super().__init__(
            folder,
            [
                *(str(self.programs / "weed"), "-logtostderr=true", "server", f"-dir={folder}", "-ip=127.0.0.1"),
                *("-ip.bind=127.0.0.1", "-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=20"),
                *("-filer", "-s3", f"-s3.config={identities}", *options),
            ],
        )
        identity = {
            "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List"],
        }
        identities.write_text(json.dumps({"identities": [{"name": "audit", **identity}]}), encoding="utf-8")
        self.environ = {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def ready(self) -> bool:
        """S3 answers before there is anywhere to write: the master must have a volume to give."""
        return b'"fid"' in _said(f"{self._master}/dir/assign") and b"AccessDenied" in _said(self.url)

    def aws(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the AWS command line."""
        environ = os.environ | self.environ
        line = [str(self.programs / "aws"), *arguments]
        return subprocess.run(line, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False)

    def ask(self, command: str, *flags: str, **options: str) -> Any:
        """Give a command to ``aws s3api`` that has to succeed; answers its answer."""
        words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
        done = self.aws("s3api", command, *flags, *words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "null")


def _said(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            return answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.read()
    except urllib.error.URLError:
        return b""
