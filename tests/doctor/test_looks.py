"""What the doctor finds where no server runs: nothing at all, odd folders, endpoints of every kind."""

import json
import os
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from otel_mcp_audit import Actor, Auditor, Settings
from otel_mcp_audit.doctor import Check, Subject, examine, healthy, packages
from otel_mcp_audit.doctor.claims import sample as claims_look
from otel_mcp_audit.doctor.configuration import wrong_settings
from otel_mcp_audit.doctor.endpoint import timeout
from otel_mcp_audit.doctor.routing import routing
from otel_mcp_audit.instrumentation.releases import RELEASES
from otel_mcp_audit.journal import Lock
from otel_mcp_audit.journal.holder import holder
from tests.cli import commands
from tests.doctor.asked import ask
from tests.identity.cases import CASES, FIRST
from tests.identity.tokens import token
from tests.receivers import HttpReceiver
from tests.receivers.behaviour import garbage, hang, status


def leave(folder: Path, *actors: Actor | None) -> None:
    """Leave a stream with a call by each."""
    audit = Auditor(Settings(dir=str(folder), sinks="none"))
    for actor in actors:
        with audit.call("t", {}, actor=actor):
            pass
    audit.close()


def test_an_empty_machine_is_told_what_is_missing(tmp_path: Path) -> None:
    answer = ask(home=tmp_path)
    assert answer.status == 0
    journal = answer.one("journal")
    assert journal["status"] == "warn"
    assert str(tmp_path / ".local/state/otel-mcp-audit") in journal["detail"]
    assert "--dir" in journal["mend"]
    assert not (tmp_path / ".local").exists()


def test_every_check_has_its_four_fields_and_a_mend_where_it_is_not_well(tmp_path: Path) -> None:
    for check in ask(home=tmp_path, environ={"OTEL_MCP_AUDIT_EMAIL": "yes"}).checks:
        assert set(check) == {"name", "status", "detail", "mend"}
        assert check["status"] in {"ok", "warn", "fail"}
        assert check["detail"]
        assert bool(check["mend"]) == (check["status"] != "ok")


def test_for_people_it_is_a_table_with_the_mend_below(tmp_path: Path) -> None:
    leave(tmp_path / "journal", Actor("ana"))
    environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "OTEL_MCP_AUDIT_EMAIL": "yes"}
    done = commands.run("doctor", "--dir", tmp_path / "journal", env=environ)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    failed = next(number for number, line in enumerate(lines) if line.startswith("fail  settings"))
    assert "OTEL_MCP_AUDIT_EMAIL='yes'" in lines[failed]
    assert lines[failed + 1].strip() == "-> write true or false"
    assert lines[-1].endswith("1 failed.")


def test_nobody_is_named(tmp_path: Path) -> None:
    leave(tmp_path / "journal", Actor("ana-lovelace", tenant_id="t-secret", email="ana@example.com"), None)
    answer = ask(tmp_path / "journal", home=tmp_path)
    identity = answer.one("identity")
    assert "last 2 calls: by none 1, resolver 1; 1 anonymous, 1 with a tenant" in identity["detail"]
    assert "user claims here sub" in identity["detail"]
    for secret in ("ana-lovelace", "t-secret", "ana@example.com"):
        assert secret not in answer.text


def test_how_often_the_resolver_of_this_environment_answered_is_said(tmp_path: Path) -> None:
    leave(tmp_path / "journal", Actor("ana", tenant_id="acme"), None)
    environ = {"OTEL_MCP_AUDIT_IDENTITY": "directory:who"}
    identity = ask(tmp_path / "journal", home=tmp_path, environ=environ).one("identity")
    assert "; 1 answered by directory:who" in identity["detail"]


def test_a_valid_token_without_a_subject_is_shown_with_the_mend(tmp_path: Path) -> None:
    leave(tmp_path / "journal", Actor(""), Actor("bela"))
    identity = ask(tmp_path / "journal", home=tmp_path).one("identity")
    assert identity["status"] == "warn"
    assert "; 1 with a valid token that has none of the claims" in identity["detail"]
    assert "OTEL_MCP_AUDIT_USER_CLAIM" in identity["mend"]


def test_a_folder_that_others_can_write_fails(tmp_path: Path) -> None:
    leave(tmp_path / "journal", None)
    (tmp_path / "journal").chmod(0o770)
    answer = ask(tmp_path / "journal", home=tmp_path)
    assert answer.status == 1
    assert answer.one("journal")["mend"] == f"chmod go-w {tmp_path / 'journal'}"


def test_a_budget_that_is_used_up_fails(tmp_path: Path) -> None:
    leave(tmp_path / "journal", *[None] * 60)
    answer = ask(tmp_path / "journal", home=tmp_path, environ={"OTEL_MCP_AUDIT_MAX_BYTES": "65536"})
    assert answer.one("budget")["status"] == "fail"
    assert "OTEL_MCP_AUDIT_MAX_BYTES" in answer.one("budget")["mend"]
    assert ask(tmp_path / "journal", home=tmp_path).one("budget")["status"] == "ok"


@pytest.mark.parametrize(
    ("behaviour", "found", "said"),
    [(None, "ok", "takes records"), (status(401), "fail", "HTTP 401"), (garbage(b"<html>"), "fail", "no OTLP answer")],
)
def test_the_endpoint_of_this_environment_is_asked_without_a_record(
    behaviour: Any, found: str, said: str, tmp_path: Path
) -> None:
    with HttpReceiver(behaviour=behaviour) as receiver:
        environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
        endpoint = ask(home=tmp_path, environ=environ).one("endpoint")
        assert (endpoint["status"], said in endpoint["detail"]) == (found, True), endpoint
        assert len(receiver.requests) == 1
        assert not receiver.records()


def test_an_endpoint_that_never_answers_is_not_waited_for_long(tmp_path: Path) -> None:
    with HttpReceiver(behaviour=hang()) as receiver:
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        }
        assert ask(home=tmp_path, environ=environ).one("endpoint")["status"] == "fail"


def test_an_endpoint_that_nobody_has_named_is_only_a_warning(tmp_path: Path) -> None:
    (endpoint,) = ask(home=tmp_path).of("endpoint")
    assert endpoint["status"] in {"warn", "ok"}  # something may listen on the default port


@pytest.mark.parametrize(
    ("environ", "name", "found", "said"),
    [
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "10000"}, "timeout", "warn", "60 s, though OTEL_EXPORTER_OTLP_TIMEOUT=10000"),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "10"}, "timeout", "ok", "10 s"),
        ({"OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "0.5"}, "timeout", "ok", "0.5 s"),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "10000", "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "5"}, "timeout", "ok", "5 s"),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": ""}, "timeout", "ok", "35 s"),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "10s"}, "settings", "fail", "OTEL_EXPORTER_OTLP_TIMEOUT='10s'"),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "-1"}, "settings", "fail", "OTEL_EXPORTER_OTLP_TIMEOUT='-1'"),
    ],
)
def test_the_timeout_in_force_is_shown_with_its_unit(environ: dict[str, str], name: str, found: str, said: str) -> None:
    given = {**environ, "OTEL_MCP_AUDIT_SINKS": "otlp"}
    checks = [check for check in examine(Subject(given, None), [wrong_settings, timeout]) if check.name == name]
    (check,) = checks
    assert (check.status, said in check.detail) == (found, True), check
    assert "seconds" in check.mend or check.status == "ok"


def test_who_holds_a_lock_is_asked_without_taking_it(tmp_path: Path) -> None:
    lock = Lock(tmp_path)
    assert lock.take()
    assert holder(tmp_path) == os.getpid()
    lock.release()
    assert holder(tmp_path) is None


def test_a_look_that_cannot_be_taken_is_a_finding(tmp_path: Path) -> None:
    def shut(_: Subject) -> list[Check]:
        raise PermissionError(13, "Permission denied", str(tmp_path))

    (check,) = checks = examine(Subject({}, None), [shut])
    assert (check.name, check.status) == ("shut", "fail")
    assert not healthy(checks)


@pytest.mark.parametrize(
    ("version", "found"), [("1.20.9", "fail"), ("1.21.0", "ok"), ("2.4rc1", "ok"), ("3.0.0", "fail")]
)
def test_the_supported_kernels_are_those_of_the_seams(
    version: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pretend(name: str) -> str:
        return version

    monkeypatch.setattr(metadata, "version", pretend)
    (kernel,) = (check for check in packages.versions(Subject({}, None)) if check.name == "kernel")
    assert kernel.status == found
    if found == "fail":
        first, end = RELEASES["mcp"].first, RELEASES["mcp"].end
        assert kernel.mend == f"install mcp>={first[0]}.{first[1]},<{end[0]}"


@pytest.mark.parametrize(
    ("environ", "status", "said", "mend"),
    [
        ({"OTEL_MCP_AUDIT_SINKS": "none"}, "ok", "none: records stay in the journal", ""),
        ({"OTEL_MCP_AUDIT_SINKS": "otel"}, "ok", "otel", ""),
        ({"OTEL_MCP_AUDIT_SINKS": "otlp,otel"}, "warn", "two copies of each record", "Keep one of them"),
        (
            {"OTEL_MCP_AUDIT_SINKS": "otel", "OTEL_ATTRIBUTE_COUNT_LIMIT": "4"},
            "warn",
            "OTEL_ATTRIBUTE_COUNT_LIMIT is set",
            "Unset it",
        ),
    ],
)
def test_where_records_go_and_what_may_cut_or_double_them_is_said(
    environ: dict[str, str], status: str, said: str, mend: str
) -> None:
    (check,) = examine(Subject(environ, None), [routing])
    assert check.status == status
    assert said in check.detail
    assert mend in check.mend
    assert bool(check.mend) == (status != "ok")


@pytest.mark.parametrize(
    ("name", "tenant"),
    [
        ("url-name", "tenant by https://claims.example.com/tenant"),
        ("plain-path", "tenant by app_metadata.tenant.id"),
        ("empty-first", "tenant by org_id"),
        (
            "url-object",
            "no tenant: none of https://claims.example.com/tenant, app_metadata.tenant.id, tenant_id, org_id",
        ),
    ],
)
def test_of_a_sample_token_the_claims_that_count_are_named_and_no_value(name: str, tenant: str, tmp_path: Path) -> None:
    claims = CASES["case-018"][name]
    environ = {"OTEL_MCP_AUDIT_TENANT_CLAIM": FIRST}
    for sample in (json.dumps(claims), token(claims)):
        (tmp_path / "token").write_text(sample, encoding="utf-8")
        found = [check.detail for check in claims_look(Subject(environ, None, token=tmp_path / "token"))]
        assert found[0] == "user by sub"
        assert found[1].startswith(tenant)
        assert not any(value in detail for detail in found for value in ("auth0", "t-red", "t-green", "org-5"))


@pytest.mark.parametrize("sample", ["", "[]", "7", "a.b.c", "a.%%.c", "{", "[" * 100_000, "\x00"])
def test_a_sample_that_holds_no_claims_is_said_so(sample: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(sample, encoding="utf-8")
    (check,) = claims_look(Subject({}, None, token=tmp_path / "token"))
    assert (check.status, check.mend) == ("fail", "save one of the two in it")


def test_a_sample_is_named_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "claims.json").write_text('{"sub": "ana-lovelace"}', encoding="utf-8")
    done = commands.run(
        "doctor", "--token", tmp_path / "claims.json", "--json", env={"HOME": str(tmp_path), "PATH": ""}
    )
    found = [check["detail"] for check in json.loads(done.stdout)["checks"] if check["name"] == "claims"]
    assert found == ["user by sub", "no tenant: none of tenant_id, tid, org_id, tenant names one"]
    gone = commands.run("doctor", "--token", tmp_path / "gone", "--json", env={"HOME": str(tmp_path), "PATH": ""})
    assert "No such file" in gone.stdout
    assert "Traceback" not in gone.stderr
