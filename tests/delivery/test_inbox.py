"""What the thread is told."""

import threading
import time

from otel_mcp_audit.delivery.inbox import Flush, Inbox


def test_news_end_a_wait_only_where_they_matter() -> None:
    inbox = Inbox()
    inbox.news()
    assert inbox.next(0.0, news=True) is None
    inbox.heard()
    inbox.news()
    began = time.monotonic()
    assert inbox.next(0.05, news=False) is None
    assert time.monotonic() - began >= 0.05


def test_news_that_are_known_are_not_told_again_until_they_were_heard() -> None:
    inbox = Inbox()
    for _ in range(1000):
        inbox.news()
    flush = Flush(5)
    inbox.put(flush)
    assert inbox.next(0.0, news=True) is None
    assert inbox.next(0.0, news=True) is flush, "a thousand appends were one message"
    inbox.heard()
    inbox.news()
    inbox.put(flush)
    assert inbox.next(0.0, news=True) is None, "the news come first"
    assert inbox.next(0.0, news=True) is flush


def test_a_flush_ends_every_wait() -> None:
    inbox = Inbox()
    flush = Flush(5)
    threading.Timer(0.02, inbox.put, [flush]).start()
    assert inbox.next(30, news=False) is flush


def test_who_waits_is_let_go_with_the_answer_or_at_the_time() -> None:
    late = Flush(0.02)
    assert not late.wait()
    answered = Flush(30)
    threading.Timer(0.02, answered.answer, kwargs={"done": True}).start()
    assert answered.wait()
