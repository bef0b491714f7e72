"""Values from outside made safe: no value a client can send raises, recurses, or grows the record beyond its caps."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from otel_mcp_audit import redaction
from otel_mcp_audit.line import Param

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)


def leaf(value: object) -> Param:
    return redaction.params({"x": value})[0]


@pytest.mark.parametrize(
    ("value", "kind", "size"),
    [
        ("héllo", "string", 6),
        ("\ud800", "string", 3),
        (2**63, "integer", 19),
        (-(2**63), "integer", 20),
        (True, "boolean", 4),
        (False, "boolean", 5),
        (None, "null", 4),
        (0.5, "number", 3),
        (math.nan, "number", 3),
        ({}, "object", 2),
        ([], "array", 2),
    ],
)
def test_a_leaf_has_its_json_type_and_its_size_in_bytes(value: object, kind: str, size: int) -> None:
    assert (leaf(value).type, leaf(value).bytes) == (kind, size)


def test_an_integer_too_long_to_be_written_out_is_measured_all_the_same() -> None:
    assert leaf(10**5000).bytes == 5001


def test_deeper_names_are_reference_tokens_joined_by_a_slash() -> None:
    names = [param.name for param in redaction.params({"a": [{"b/c": 1}, {"~": 2}], "d": "x"})]
    assert names == ["a/0/b~1c", "a/1/~0", "d"]


def test_beyond_sixty_four_leaves_the_rest_is_counted_with_its_bytes() -> None:
    listed = redaction.params({f"n{index}": "four" for index in range(1000)})
    assert len(listed) == redaction.LEAF_LIMIT + 1
    assert listed[-1] == Param(bytes=936 * 4, name=None, omitted=936, type=None)


def test_ten_thousand_levels_cost_one_leaf() -> None:
    deep: dict[str, object] = {}
    level = deep
    for _ in range(10_000):
        inner: dict[str, object] = {}
        level["k"] = inner
        level = inner
    assert len(redaction.params(deep)) == 1


def test_a_structure_that_contains_itself_ends() -> None:
    loop: list[object] = []
    loop.extend([loop, loop])
    assert redaction.params({"a": loop})


def test_a_name_is_capped_and_its_controls_are_visible() -> None:
    name = redaction.params({"\x1b[2J" + "y" * 5000: 1})[0].name
    assert name is not None
    assert name.startswith("\\u001b[2J")
    assert (len(name), name[-1]) == (redaction.TEXT_LIMIT, "…")


@given(st.text(st.characters(), max_size=600))
def test_text_is_valid_bounded_and_free_of_controls(value: str) -> None:
    shown = redaction.text(value)
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert len(shown) <= redaction.TEXT_LIMIT
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in shown)


def test_text_that_merely_spells_an_escape_is_left_alone() -> None:
    assert redaction.text("\\u0000") == "\\u0000"


@given(st.dictionaries(st.text(st.characters()), values, max_size=8))
def test_no_argument_is_lost_and_no_value_is_kept(arguments: dict[str, object]) -> None:
    listed = redaction.params(arguments)
    assert sum(1 if param.omitted is UNSET else param.omitted for param in listed) >= len(arguments)
    assert all(param.value is UNSET for param in listed)


@given(st.dictionaries(st.text(max_size=8), scalars, max_size=8))
def test_the_short_way_for_flat_arguments_agrees_with_the_long_one(flat: dict[str, object]) -> None:
    nested = redaction.params({**flat, "\x00last": [1]})
    assert redaction.params(flat) == nested[:-1]


def test_sizes_of_ordinary_values_are_those_of_their_compact_json() -> None:
    for value in (1, -7, 0.25, 1e300, True, None):
        assert leaf(value).bytes == len(json.dumps(value))
