"""Compose file, Kubernetes manifests and Dockerfile: by their schemas, and their command lines by the binary.

What checks them is installed by the leg ``operations`` alone.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests.collector.binary import CONFIG, binary
from tests.collector.prometheus import OPERATIONS
from tests.collector.test_validate import VARIABLES

# By name: the type checker's environment has none of them.
yaml: Any = import_module("yaml")
kubernetes_validate: Any = import_module("kubernetes_validate")
compose_spec: Any = import_module("compose_spec")

MANIFESTS: Final = sorted((OPERATIONS / "kubernetes").glob("*.yaml"))
COMPOSE: Final = re.sub(r"\$\{\w+:\?[^}]*\}", "given", (OPERATIONS / "compose.yaml").read_text(encoding="utf-8"))
"""With what compose would ask for filled in."""
DOCKERFILE: Final = (OPERATIONS / "Dockerfile").read_text(encoding="utf-8")
RELEASES: Final = ("1.29", "1.37")
"""The oldest that knows sidecars, and the newest."""

OF_GO: Final = {"GOMEMLIMIT"}
MOUNT: Final = "/etc/otelcol-audit/"


class Collector(NamedTuple):
    """A Collector's container: its arguments, and the variables that it is given or told to be given."""

    file: str
    arguments: tuple[str, ...]
    variables: frozenset[str]

    def configs(self) -> list[Path]:
        """The files that it reads."""
        return [CONFIG / word.rpartition(MOUNT)[2] for word in self.arguments if MOUNT in word]


def documents(manifest: Path) -> list[dict[str, Any]]:
    """A manifest's objects."""
    return list(yaml.safe_load_all(manifest.read_text(encoding="utf-8")))


def collectors() -> Iterator[Collector]:
    """Every Collector in a manifest or the compose file."""
    for manifest in MANIFESTS:
        told = set(re.findall(r"--from-literal=(\w+)=", manifest.read_text(encoding="utf-8")))
        pod = documents(manifest)[0]["spec"]["template"]["spec"]
        for container in [*pod["containers"], *pod.get("initContainers", ())]:
            if container["name"] == "otelcol-audit":
                given = {each["name"] for each in container["env"]}
                yield Collector(manifest.name, tuple(container["args"]), frozenset(given | told))
    service = yaml.safe_load(COMPOSE)["services"]["otelcol-audit"]
    yield Collector("compose.yaml", tuple(service["command"]), frozenset(service["environment"]))


COLLECTORS: Final = list(collectors())


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda each: each.stem)
def test_kubernetes_knows_every_field_of_a_manifest(manifest: Path, release: str) -> None:
    for document in documents(manifest):
        kubernetes_validate.validate(document, release, strict=True)


def test_a_field_that_kubernetes_does_not_know_is_noticed() -> None:
    document = documents(MANIFESTS[0])[0]
    document["spec"]["template"]["spec"]["hostNetworks"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, RELEASES[-1], strict=True)


def test_compose_knows_every_key() -> None:
    assert compose_spec.PyCompose.from_yaml(COMPOSE).service_names() == ["mcp-server", "otelcol-audit"]


def test_a_key_that_compose_does_not_know_is_noticed() -> None:
    with pytest.raises(ValueError, match="restarts"):
        compose_spec.PyCompose.from_yaml(COMPOSE.replace("restart:", "restarts:"))


def test_compose_has_every_volume_that_it_mounts_and_no_other() -> None:
    compose = yaml.safe_load(COMPOSE)
    sources = {volume.partition(":")[0] for service in compose["services"].values() for volume in service["volumes"]}
    assert sources - {".."} == set(compose["volumes"])


@pytest.mark.parametrize("collector", COLLECTORS, ids=lambda each: each.file)
def test_a_collector_starts_with_the_variables_that_it_is_given_and_reads_each(
    collector: Collector, tmp_path: Path
) -> None:
    read = set(re.findall(r"env:(\w+)", "".join(file.read_text(encoding="utf-8") for file in collector.configs())))
    assert collector.variables - OF_GO <= read
    done = validate(collector, {name: VARIABLES.get(name, "127.0.0.1") for name in collector.variables}, tmp_path)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def validate(collector: Collector, given: Mapping[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """As its container would start, with these variables and no other."""
    folders = {f"AUDIT_{name}_DIR": str(folder / name) for name in ("ARCHIVE", "TELEMETRY", "QUEUE")}
    arguments = [word.replace(MOUNT, f"{CONFIG}/") for word in collector.arguments]
    environ = {"PATH": os.environ["PATH"], **folders, **given, "GOMEMLIMIT": "819MiB"}
    line = [str(binary()), "validate", *arguments]
    return subprocess.run(line, env=environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("collector", COLLECTORS, ids=lambda each: each.file)
def test_a_variable_that_is_left_out_is_noticed(collector: Collector, tmp_path: Path) -> None:
    asked = next(name for name in sorted(collector.variables) if name.endswith("_URL"))
    given = {name: VARIABLES.get(name, "127.0.0.1") for name in collector.variables - {asked}}
    assert validate(collector, given, tmp_path).returncode != 0


def test_the_image_is_built_as_the_binary_is() -> None:
    build = (CONFIG / "builder" / "build").read_text(encoding="utf-8")
    flags = ["CGO_ENABLED=0", "-mod=readonly", "-trimpath", "-ldflags='-s -w'"]
    assert all(flag in build and flag in DOCKERFILE for flag in flags)
    (sources,) = re.findall(r"^COPY (builder/\S+) ", DOCKERFILE, re.MULTILINE)
    assert (CONFIG / sources / "go.sum").is_file()


def test_every_image_is_of_the_version_that_is_built() -> None:
    manifest = (CONFIG / "builder" / "otelcol-audit.yaml").read_text(encoding="utf-8")
    (version,) = re.findall(r"^  version: (\S+)$", manifest, re.MULTILINE)
    files = [OPERATIONS / "compose.yaml", OPERATIONS / "Dockerfile", *MANIFESTS]
    for file in files:
        assert set(re.findall(r"otelcol-audit:(\d[\d.]+)", file.read_text(encoding="utf-8"))) == {version}, file
