"""What a record says, and what of it stays when it would be too large."""

import msgspec
import pytest

from otel_mcp_audit import seal
from otel_mcp_audit.line import LINE_LIMIT, Agent, Link, Param, Request, Resource, User, decode_body
from otel_mcp_audit.opencall import Arrival
from otel_mcp_audit.policy import Policy
from otel_mcp_audit.record import Call
from otel_mcp_audit.recorder import Recorder, encode
from otel_mcp_audit.settings import Settings
from tests.test_record import event

WIDE = "\U0001f600" * 256


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(Settings(), Policy(), instance="i-1")


def arrival(transport: str = "memory", **request: str) -> Arrival:
    call = Call(method="tools/call", tool="t", arguments={"q": "SECRET"}, transport=transport)
    return Arrival(call=call, request=Request(method="tools/call", **request))


def test_a_call_whose_link_is_known_has_it_from_its_start(recorder: Recorder) -> None:
    arrived = arrival()
    arrived.link = Link(id="t-1", type="task")
    opened = recorder.open(arrived)
    assert b'"link":{"id":"t-1","type":"task"}' in encode(opened.event, opened.params)
    assert recorder.open(arrival()).event.link is msgspec.UNSET


def test_a_call_without_an_id_of_its_own_gets_one(recorder: Recorder) -> None:
    assert recorder.open(arrival()).event.request.id
    assert recorder.open(arrival(id="req-1")).event.request.id == "req-1"


def test_values_of_arguments_are_not_in_the_line(recorder: Recorder) -> None:
    opened = recorder.open(arrival())
    assert b"SECRET" not in encode(opened.event, opened.params)
    assert b'"name":"q"' in encode(opened.event, opened.params)


def test_on_stdio_the_operating_system_says_who(recorder: Recorder) -> None:
    assert recorder.open(arrival("stdio")).event.user.source == "os"
    assert recorder.open(arrival("memory")).event.user.id == "anonymous"


def test_a_trail_in_memory_says_so_in_every_record() -> None:
    opened = Recorder(Settings(), Policy(), instance="i", durability="memory").open(arrival())
    assert opened.event.durability == "memory"


def test_a_line_that_is_too_large_loses_arguments_from_the_end_and_counts_them() -> None:
    params = [Param(bytes=7, name=WIDE, type="string") for _ in range(64)]
    body = decode_body(encode(event(), params))
    assert body.event.truncated is True
    kept, marker = len(body.params) - 1, body.params[-1]
    assert 0 < kept < 64
    assert (marker.name, marker.omitted, marker.bytes) == (None, 64 - kept, 7 * (64 - kept))


def test_what_was_omitted_before_the_cut_is_counted_in_it() -> None:
    params = [Param(bytes=1, name=WIDE, type="string")] * 64 + [Param(bytes=500, name=None, omitted=100, type=None)]
    marker = decode_body(encode(event(), params)).params[-1]
    assert marker.omitted is not msgspec.UNSET
    assert marker.omitted > 100


def test_the_hungriest_record_there_can_be_stays_within_the_limit() -> None:
    everything = event(
        tool=WIDE,
        agent=Agent(WIDE, WIDE),
        delegation=[WIDE] * 9,
        purpose=WIDE,
        sensitivity=WIDE,
        action=WIDE,
        resources=[Resource(id="\U0001f600" * 1024, type=WIDE)] * 64,
        link=Link(id=WIDE[:128], next="f" * 32, type="round"),
        request=Request(**dict.fromkeys(("client_ip", "id", "protocol_version", "rpc_id", "session_id"), WIDE)),
        user=User(
            client_id=WIDE, email=WIDE, id=WIDE, name=WIDE, roles=[WIDE] * 33, scopes=[WIDE] * 33, tenant_id=WIDE
        ),
    )
    body = encode(everything, [Param(bytes=1, name=WIDE, type="string")] * 64)
    line, _ = seal.seal(body, seal.Link("0" * 36, 2**53 - 1, "f" * 64))
    assert len(line) <= LINE_LIMIT
    assert decode_body(body).event.truncated is True


def test_a_record_within_the_limit_is_left_alone() -> None:
    assert decode_body(encode(event(), [])).event.truncated is msgspec.UNSET
