"""Whoever knocks too often is counted: by peer and window, in bounded memory."""

import pytest

from otel_mcp_audit.flood import ADDRESS_LIMIT, PEERS, Floods, peer
from otel_mcp_audit.rate import Rate


def floods(times: int = 2, seconds: int = 10) -> Floods[str]:
    return Floods[str](Rate(times, seconds))


def test_so_many_are_single_in_a_window_and_as_many_again_in_the_next() -> None:
    counted = floods()
    assert [counted.window("a", 0.0).single() for _ in range(4)] == [True, True, False, False]
    assert [counted.window("a", 9.99).single(), counted.window("a", 10.0).single()] == [False, True]


def test_one_peers_flood_costs_another_nothing() -> None:
    counted = floods(1)
    assert [counted.window("a", 0.0).single() for _ in range(3)] == [True, False, False]
    assert counted.window("b", 0.0).single()


def test_with_no_singles_at_all_the_first_is_counted() -> None:
    assert not floods(0).window("a", 0.0).single()


def test_a_fold_is_given_once_when_its_window_has_ended() -> None:
    counted = floods()
    counted.window("a", 0.0).folds["kind"] = "fold"
    assert (counted.next_end(), counted.over(9.99)) == (10.0, [])
    assert counted.over(10.0) == ["fold"]
    assert (counted.next_end(), counted.over(99.0)) == (None, [])


def test_a_fold_whose_peer_comes_back_after_its_window_is_not_lost() -> None:
    counted = floods()
    counted.window("a", 0.0).folds["kind"] = "fold"
    counted.window("a", 20.0).folds["kind"] = "next"
    assert counted.over(20.0) == ["fold"]
    assert counted.all() == ["next"]


def test_at_the_end_all_folds_are_given_and_the_windows_go_on() -> None:
    counted = floods(1)
    window = counted.window("a", 0.0)
    assert window.single()
    window.folds["kind"] = "fold"
    assert counted.all() == ["fold"]
    assert not counted.window("a", 1.0).single()
    assert counted.all() == []


def test_a_million_peers_have_bounded_windows_and_the_strangers_share_one() -> None:
    counted = floods(1)
    assert all(counted.window(str(each), 0.0).single() for each in range(PEERS))
    strangers = [counted.window(str(each), 0.0).single() for each in range(PEERS, 1_000_000, 1000)]
    assert strangers == [True] + [False] * (len(strangers) - 1)
    assert {counted.window(name, 0.0) for name in ("a", "b", "c")} == {counted.window("d", 0.0)}


def test_room_is_made_by_windows_that_have_ended() -> None:
    counted = floods(1)
    for each in range(PEERS):
        counted.window(str(each), 0.0).folds["kind"] = str(each)
    assert counted.window("late", 11.0) is not counted.window("later", 11.0)
    assert counted.over(11.0) == [str(each) for each in range(PEERS)]


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("not:an:address", "not:an:address"),
        ("testclient", "testclient"),
        (None, ""),
        ("x" * 100_000, "x" * ADDRESS_LIMIT),
    ],
)
def test_a_peer_is_an_address_and_a_network_of_ipv6_is_one(address: str | None, name: str) -> None:
    assert peer(address) == name
