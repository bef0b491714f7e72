"""The reference says what is there: no more, no less, compared with the code itself."""

import re
from collections.abc import Iterator
from typing import Any, cast, get_args

import msgspec
import pytest
from msgspec import Struct, UnsetType

import otel_mcp_audit
from otel_mcp_audit import Settings, cli, metrics, semconv, tally
from otel_mcp_audit.errors import ConfigurationError
from otel_mcp_audit.instrumentation.methods import METHODS, OTHER
from otel_mcp_audit.line import Line
from otel_mcp_audit.outcome import OUTCOMES
from otel_mcp_audit.settings import PREFIX
from tests.docs.rows import codes, page, rows

SETTINGS = {codes(row[0])[0]: row[1:] for row in rows(page("reference/settings.md"), "variable")}
PYTHON = page("reference/python-api.md")
COMMANDS = page("reference/command-line.md")


def plain(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return ", ".join(cast("tuple[str, ...]", default)) if isinstance(default, tuple) else str(default)


def test_every_setting_is_documented_and_nothing_else() -> None:
    ours = [name for name in SETTINGS if name.startswith(PREFIX)]
    assert ours == [PREFIX + field.upper() for field in Settings.__struct_fields__]


@pytest.mark.parametrize("field", Settings.__struct_fields__)
def test_a_settings_default_is_the_documented_one(field: str) -> None:
    default = getattr(Settings(), field)
    shown = SETTINGS[PREFIX + field.upper()][0]
    assert shown == ("unset" if default is None else f"`{plain(default)}`")


@pytest.mark.parametrize("field", Settings.__struct_fields__)
def test_not_supported_yet_is_said_exactly_where_it_is_so(field: str) -> None:
    meaning = SETTINGS[PREFIX + field.upper()][1]
    said = "not supported yet" in meaning
    tried = [*codes(meaning), "anything", "a/b.toml"]
    assert said == any(refused_for_now(field, value) for value in tried)


def refused_for_now(field: str, value: str) -> bool:
    if field == "sinks":
        return value == "anything"  # sinks are resolved elsewhere, and so is their refusal
    try:
        Settings.from_env({PREFIX + field.upper(): value})
    except ConfigurationError as error:
        return "not supported yet" in str(error)
    return False


def test_the_table_of_methods_is_the_one_that_is_used() -> None:
    documented = [[codes(cell) for cell in row] for row in rows(page("reference/methods.md"), "method")]
    assert [cells[0][0] for cells in documented if cells[0]] == list(METHODS)
    for names, event_type, action, resources, arguments, counted in documented:
        row = METHODS[names[0]] if names else OTHER
        said = ([row.event_type], [row.action], list(dict(row.targets)), [row.arguments] if row.arguments else [])
        assert (event_type, action, resources, arguments) == said, names
        assert counted == [part for part in (row.items, row.contents) if part], names


def offered() -> dict[str, set[str]]:
    application = cli.app()
    found: dict[str, set[str]] = {}
    for name in cli.COMMANDS:
        if name in application:
            arguments: Any = application[name].assemble_argument_collection()
            found[name] = {option for argument in arguments for option in argument.names if option.startswith("-")}
    return found


def section(text: str, heading: str) -> str:
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_every_command_is_documented_with_all_its_options_and_no_other() -> None:
    documented = {
        name: {option for row in rows(section(COMMANDS, name), "option") for option in codes(row[0])}
        for name in re.findall(r"^## ([a-z]+)$", COMMANDS, re.MULTILINE)
    }
    assert documented == offered()


def test_a_command_that_is_not_built_is_called_so() -> None:
    assert set(codes(section(COMMANDS, "Not yet"))) == set(cli.COMMANDS) - set(offered())


def test_the_table_of_outcomes_is_the_documented_one() -> None:
    documented = {
        codes(row[0])[0]: (row[2], row[3], row[4] == "error") for row in rows(page("reference/outcomes.md"), "outcome")
    }
    assert documented == {name: (row.audit, row.severity.text, row.span_error) for name, row in OUTCOMES.items()}


def keys(kind: Any, path: str = "") -> Iterator[str]:
    """The leaves of a struct as dotted paths; ``[]`` after what is a list."""
    for field in msgspec.structs.fields(kind):
        inner = [part for part in (field.type, *get_args(field.type)) if part is not UnsetType]
        many = "[]" if any("Sequence" in str(part) or str(part).startswith("list[") for part in inner) else ""
        nested = next((part for part in [*inner, *_inside(inner)] if _is_struct(part)), None)
        here = f"{path}{field.name}{many}"
        yield from keys(nested, f"{here}.") if nested else [here]


def _inside(parts: list[Any]) -> list[Any]:
    return [deeper for part in parts for deeper in get_args(part)]


def _is_struct(part: Any) -> bool:
    return isinstance(part, type) and issubclass(part, Struct)


def test_every_key_of_the_journal_line_is_documented_and_no_other() -> None:
    documented = [codes(row[0])[0] for row in rows(page("reference/record.md"), "key")]
    assert documented == list(keys(Line))


def test_every_attribute_of_the_log_record_is_documented_and_no_other() -> None:
    documented = {name for row in rows(page("reference/record.md"), "attribute") for name in codes(row[0])}
    assert documented == semconv.ALL


def test_every_metric_is_documented_with_its_unit_and_attributes_and_no_other() -> None:
    documented = [
        (codes(row[0])[0], codes(row[2])[0], tuple(codes(row[3])))
        for row in rows(page("reference/metrics.md"), "metric")
    ]
    assert documented == [(metric.name, metric.unit, metric.attributes) for metric in metrics.ALL]


def test_every_reason_of_a_dropped_record_is_documented_and_no_other() -> None:
    documented = [codes(row[0])[0] for row in rows(page("reference/metrics.md"), "reason")]
    assert documented == [*tally.LOSSES, "quarantined", "memory_ended"]


def test_every_public_name_has_its_section_and_no_other() -> None:
    assert sorted(re.findall(r"^## (\w+)$", PYTHON, re.MULTILINE)) == sorted(otel_mcp_audit.__all__)


@pytest.mark.parametrize("name", ["audited", "annotate"])
def test_a_public_function_is_documented_with_every_parameter(name: str) -> None:
    function = getattr(otel_mcp_audit, name)
    parameters = [each for each in function.__annotations__ if each not in {"return", "fn"}]
    assert parameters
    assert all(f"{parameter}=" in section(PYTHON, name) for parameter in parameters)
