"""``audit_config``: what is set otherwise than when the service's trail began last, and never a secret of it."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from otel_mcp_audit import Auditor, AuditRecord, Settings
from otel_mcp_audit.line import LINE_LIMIT
from tests.integration import trail
from tests.integration.process import Session, exporting, scenes_server
from tests.noted import Note
from tests.receivers import HttpReceiver
from tests.trail.begun import begin, changes, configs, live


def test_a_server_that_is_started_with_other_variables_says_which_and_the_record_arrives(
    tmp_path: Path, note: Note
) -> None:
    folder = tmp_path / "journal"
    quiet = dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"), "none")
    with HttpReceiver() as receiver:
        environ = exporting(folder, receiver.endpoint, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf", **quiet)
        for change in ({}, {"OTEL_MCP_AUDIT_EMAIL": "true", "OTEL_MCP_AUDIT_MAX_BYTES": "1000000"}):
            with scenes_server(environ | change, style="lowlevel") as server:
                Session(server).echo()
                server.leave()
        arrived = trail.decoded(trail.bodies(receiver.records()))
    assert changes(folder) == [{"email": (None, "true"), "max_bytes": (None, "1000000")}]
    assert [line["chain"]["seq"] for line in arrived if line["event"]["event_type"] == "audit_config"] == [2]
    (event,) = trail.events(arrived, "audit_config")
    assert (event["action"], event["user"]["type"], event["response"]["outcome"]) == ("UPDATE", "system", "success")
    assert event["trail"]["stream"] in trail.streams(folder)
    trail.assert_sound(folder)
    note("audit_config", "a server is started with other variables", "email, max_bytes: old and new")


def test_the_same_settings_again_are_no_change(folder: Path, note: Note) -> None:
    for _ in range(3):
        live(folder, user_claim=("upn",))
    assert configs(folder) == []
    note("audit_config", "started again with the same settings", "none is written")


def test_what_goes_back_to_its_default_is_named_too(folder: Path, note: Note) -> None:
    live(folder, durability="power", user_claim=("upn", "sub"))
    live(folder)
    assert changes(folder) == [{"durability": ("power", None), "user_claim": ("upn, sub", None)}]
    note("audit_config", "a setting goes back to its default", "old value, new null")


def test_two_services_in_one_folder_are_not_compared_with_each_other(
    folder: Path, monkeypatch: pytest.MonkeyPatch, note: Note
) -> None:
    for service, settings in (("a", {"email": True}), ("b", {}), ("a", {"email": True}), ("b", {})):
        monkeypatch.setenv("OTEL_SERVICE_NAME", service)
        live(folder, **settings)
    assert configs(folder) == []
    live(folder, email=True)
    assert changes(folder) == [{"email": (None, "true")}]
    note("audit_config", "two services share a folder", "each compared with itself alone")


def test_it_is_the_stream_that_began_last_that_counts_whether_it_has_ended_or_not(folder: Path, note: Note) -> None:
    first = begin(folder, email=True)
    second = begin(folder)
    with first.call("t", {}):  # the first one's files are the newer ones now
        pass
    third = begin(folder)
    assert changes(folder) == [{"email": ("true", None)}]
    for each in (first, second, third):
        each.close()
    note("audit_config", "others of the service still run", "compared with the one that began last")


def test_where_the_stream_that_began_last_is_spoilt_the_one_before_it_counts(folder: Path) -> None:
    live(folder, email=True)
    before = set(trail.streams(folder))
    live(folder, email=True)
    (spoilt,) = set(trail.streams(folder)) - before
    (folder / spoilt / "000000000001.jsonl").write_bytes(b"\x00garbage\n")
    live(folder)
    (config,) = configs_of_sound(folder, spoilt)
    assert config["changes"] == [{"name": "email", "new": None, "old": "true"}]


def configs_of_sound(folder: Path, spoilt: str) -> Sequence[Any]:
    shutil.rmtree(folder / spoilt)
    return configs(folder)


def test_a_trail_that_is_switched_off_says_so_before_it_ends(folder: Path, note: Note) -> None:
    live(folder)
    assert Auditor(Settings(dir=str(folder), sinks="none", disabled=True)).start() is None
    (stream,) = (lines for lines in trail.streams(folder).values() if lines[-1]["event"]["trail"]["reason"] != "closed")
    assert [line["event"]["event_type"] for line in stream] == ["audit_start", "audit_config", "audit_stop"]
    assert changes(folder) == [{"disabled": (None, "true")}]
    note("audit_config", "auditing is switched off (DISABLED)", "disabled, before audit_stop")


ROUTES: Final[dict[str, tuple[dict[str, str], dict[str, str], dict[str, tuple[str | None, str | None]]]]] = {
    "OTEL_LOGS_EXPORTER": (
        {"OTEL_LOGS_EXPORTER": "none"},
        {"OTEL_LOGS_EXPORTER": "console"},
        {"sinks": ("none", "console")},
    ),
    "OTEL_SDK_DISABLED": (
        {"OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
        {"sinks": ("none", "otlp")},
    ),
    "OTEL_EXPORTER_OTLP_ENDPOINT": (
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:9"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ("http://127.0.0.1:9", "http://localhost:9")},
    ),
    "OTEL_CONFIG_FILE": (
        {"OTEL_LOGS_EXPORTER": "none"},
        {"OTEL_CONFIG_FILE": "otel.yaml"},
        {"sinks": ("none", "otel"), "OTEL_CONFIG_FILE": (None, "otel.yaml")},
    ),
    "an endpoint that nothing of the trail obeys": (
        {"OTEL_LOGS_EXPORTER": "none"},
        {"OTEL_LOGS_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
        {},
    ),
}


@pytest.mark.parametrize("route", ROUTES)
def test_a_variable_of_opentelemetry_that_leads_the_trail_elsewhere_is_a_change(
    route: str, folder: Path, monkeypatch: pytest.MonkeyPatch, note: Note
) -> None:
    before, after, expected = ROUTES[route]
    for environ in (before, after):
        with monkeypatch.context() as patch:
            for name, value in environ.items():
                patch.setenv(name, value)
            begin(folder, sinks=None).close(0.0)
    assert changes(folder) == ([expected] if expected else [])
    note("audit_config", f"the route: {route}", ", ".join(expected) or "none is written")


def sink(records: Sequence[AuditRecord]) -> None:
    """A sink of the application's own."""


def test_a_sink_given_in_code_is_named_and_is_the_same_at_every_start(folder: Path) -> None:
    live(folder)
    for _ in range(2):
        live(folder, sinks=[sink])
    assert changes(folder) == [{"sinks": ("none", f"{__name__}:sink")}]


SECRETS: Final = {
    "a sink's user and password": (None, {"sinks": "otlp+http://CANARY:CANARY@127.0.0.1:9"}),
    "a sink's path": ({"sinks": "otlp+http://127.0.0.1:9/x"}, {"sinks": "otlp+http://127.0.0.1:9/CANARY"}),
    "an endpoint's user and password": (None, {"endpoint": "http://CANARY:CAN%2FARY@127.0.0.1:9"}),
    "an endpoint's path": ({"endpoint": "http://127.0.0.1:9/x"}, {"endpoint": "http://127.0.0.1:9/CANARY"}),
    "an endpoint's query": ({"endpoint": "http://127.0.0.1:9"}, {"endpoint": "http://127.0.0.1:9?key=CANARY"}),
    "a password with a slash in it": (
        {"endpoint": "http://127.0.0.1:9"},
        {"endpoint": "http://u:x/CANARY@127.0.0.1:9"},
    ),
    "the headers": (None, {"endpoint": "http://127.0.0.1:9", "headers": "authorization=Bearer CANARY"}),
}


@pytest.mark.parametrize("secret", SECRETS)
def test_what_may_be_a_secret_is_in_no_record(
    secret: str, folder: Path, monkeypatch: pytest.MonkeyPatch, note: Note
) -> None:
    before, after = SECRETS[secret]
    for settings in (before or {"sinks": "none"}, after):
        if endpoint := settings.get("endpoint"):
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        if headers := settings.get("headers"):
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", headers)
        begin(folder, sinks=settings.get("sinks")).close(0.0)
    assert len(configs(folder)) == 1  # what has changed is seen all the same
    for path in folder.rglob("*"):
        assert "CANARY" not in str(path)
        assert not path.is_file() or b"CANARY" not in path.read_bytes()
    shown = ", ".join(f"{name}: {old} → {new}" for name, (old, new) in changes(folder)[0].items())
    note("audit_config", f"secret: {secret}", shown)


@pytest.mark.parametrize("text", ["\x1b[31m\x00\u202e\ud800" * 50, "é" * 1_000_000], ids=["control", "1 MB"])
def test_a_value_of_any_shape_is_named_short_and_visible(text: str, folder: Path) -> None:
    live(folder)
    live(folder, user_claim=(text,), tenant_claim=(text, text))
    (change,) = changes(folder)
    assert change.keys() == {"user_claim", "tenant_claim"}
    for _, new in change.values():
        assert new is not None
        assert len(new) <= 256
        assert new.isprintable()
    for path in folder.glob("*/*.jsonl"):
        assert all(len(line) < LINE_LIMIT for line in path.read_bytes().splitlines(keepends=True))
    trail.assert_sound(folder)
