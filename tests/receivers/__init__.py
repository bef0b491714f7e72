"""Receivers for tests: real servers on real sockets, which store before they acknowledge and fail when told to.

``with HttpReceiver() as receiver: receiver.endpoint; receiver.records(); receiver.behave(refuse_all())``. In another
process: ``python -m tests.receivers.otlp_http --port 0 --store FILE --behave ok`` (or ``otlp_grpc``) prints its port.
``HecReceiver`` takes what goes to Splunk.
"""

from tests.receivers.behaviour import (
    Behaviour,
    Reply,
    Request,
    busy,
    by_name,
    garbage,
    hang,
    ok,
    partial,
    poison,
    redirect,
    refuse_all,
    status,
    too_large,
)
from tests.receivers.over_grpc import GrpcReceiver
from tests.receivers.over_hec import HecReceiver
from tests.receivers.over_http import HttpReceiver
from tests.receivers.store import Store
from tests.receivers.wire import Wire

__all__ = [
    "Behaviour",
    "GrpcReceiver",
    "HecReceiver",
    "HttpReceiver",
    "Reply",
    "Request",
    "Store",
    "Wire",
    "busy",
    "by_name",
    "garbage",
    "hang",
    "ok",
    "partial",
    "poison",
    "redirect",
    "refuse_all",
    "status",
    "too_large",
]
