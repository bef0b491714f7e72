"""The Collector accepts every combination of our files without a word, and refuses a wrong variable by name."""

import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, combinations
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.collector.binary import CONFIG, binary
from tests.collector.collector import command

DESTINATIONS: Final = ("splunk", "datadog", "otlp", "clickhouse", "s3", "kafka-agent")
SUBSETS: Final = [*chain.from_iterable(combinations(DESTINATIONS, count) for count in range(len(DESTINATIONS) + 1))]
FOUNDATIONS: Final = (("base",), ("base", "secure"), ("base", "secure", "tenants"))

VARIABLES: Final = {
    "SPLUNK_HEC_URL": "https://splunk.example:8088/services/collector",
    "SPLUNK_HEC_TOKEN": "token",
    "ACME_HEC_URL": "https://splunk.example:8088/services/collector",
    "ACME_HEC_TOKEN": "token",
    "DD_OTLP_ENDPOINT": "https://otlp.datadoghq.com",
    "DD_API_KEY": "key",
    "AUDIT_OTLP_URL": "https://store.example",
    "CLICKHOUSE_DSN": "tcp://127.0.0.1:9000",
    "CLICKHOUSE_USER": "user",
    "CLICKHOUSE_PASSWORD": "password",
    "AUDIT_S3_BUCKET": "bucket",
    "KAFKA_BROKERS": "127.0.0.1:9092",
    "AUDIT_HTPASSWD_FILE": "htpasswd",
    "AUDIT_TLS_CERT": "server.pem",
    "AUDIT_TLS_KEY": "server.key",
    "AUDIT_TLS_CLIENT_CA": "ca.pem",
}


class Combination(NamedTuple):
    """Files given together, and whether the destinations have a queue."""

    configs: tuple[str, ...]
    queue: bool

    def __str__(self) -> str:
        return f"{' + '.join(self.configs)}, AUDIT_QUEUE={str(self.queue).lower()}"


def every_combination() -> Iterator[Combination]:
    """All that the pages say goes together."""
    for subset in SUBSETS:
        for foundation in FOUNDATIONS:
            yield from (Combination((*foundation, *subset), queue) for queue in (True, False))
        if subset:
            yield Combination(("replay", *subset), queue=True)
    yield Combination(("replay", "tenants"), queue=True)
    yield Combination(("kafka-consumer",), queue=True)


def validate(combination: Combination, folder: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Have the Collector look at files as it does before it starts; every folder that it may make is in ``folder``."""
    folders = {f"AUDIT_{name}_DIR": str(folder / name) for name in ("ARCHIVE", "TELEMETRY", "QUEUE", "REPLAY_QUEUE")}
    queue = {"AUDIT_QUEUE": str(combination.queue).lower()}
    environ = os.environ | VARIABLES | folders | queue | changes
    line = command(binary(), combination.configs, (), "validate")
    return subprocess.run(line, env=environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.timeout(300)
def test_every_combination_is_accepted_without_a_word(tmp_path: Path) -> None:
    binary()

    def verdict(combination: Combination) -> str | None:
        done = validate(combination, tmp_path)
        said = (done.stdout + done.stderr).strip()
        return f"{combination}: {done.returncode} {said}" if done.returncode or said else None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        assert not [wrong for wrong in pool.map(verdict, every_combination()) if wrong]


def test_every_file_of_ours_is_in_a_combination() -> None:
    named = {config for combination in every_combination() for config in combination.configs}
    assert named == {file.stem for file in CONFIG.glob("*.yaml")}


@pytest.mark.parametrize(
    ("configs", "variable", "value", "named"),
    [
        (("splunk",), "SPLUNK_HEC_TOKEN", "", "splunk_hec"),
        (("splunk",), "SPLUNK_HEC_URL", "", "splunk_hec"),
        (("datadog",), "DD_OTLP_ENDPOINT", "", "otlp_http/datadog"),
        (("otlp",), "AUDIT_OTLP_URL", "", "otlp_http/audit"),
        (("s3",), "AUDIT_S3_BUCKET", "", "awss3/archive"),
        (("clickhouse",), "CLICKHOUSE_DSN", "", "clickhouse"),
        (("kafka-agent",), "AUDIT_QUEUE", "perhaps", "enabled"),
        (("secure",), "AUDIT_TLS_CERT", "", "otlp"),
        (("secure",), "AUDIT_TLS_KEY", "", "must include both certificate and key"),
        (("secure",), "AUDIT_TLS_CLIENT_CA", "", "AUDIT_TLS_CLIENT_CA is needed"),
    ],
)
def test_a_wrong_variable_is_refused_by_name(
    tmp_path: Path, configs: tuple[str, ...], variable: str, value: str, named: str
) -> None:
    done = validate(Combination(("base", *configs), queue=True), tmp_path, **{variable: value})
    assert done.returncode == 1
    assert named in done.stderr
