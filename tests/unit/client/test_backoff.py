"""Waits grow to a bound, differ by chance, and are never shorter than what the server asked for."""

from __future__ import annotations

import pytest

from shared.client.backoff import ASKED_SECONDS_MAX, FIRST_SECONDS, LAST_SECONDS, Backoff, retry_after_seconds


def test_waits_double_up_to_their_bound() -> None:
    backoff = Backoff(lambda: 1.0)
    waits = [backoff.failed() for _ in range(12)]
    assert waits[:3] == [FIRST_SECONDS, FIRST_SECONDS * 2, FIRST_SECONDS * 4]
    assert waits[-1] == LAST_SECONDS
    assert Backoff(lambda: 0.0).failed() == FIRST_SECONDS / 2


def test_many_failures_are_no_overflow() -> None:
    backoff = Backoff(lambda: 1.0)
    assert [backoff.failed() for _ in range(2000)][-1] == LAST_SECONDS


def test_after_a_success_the_next_failure_is_the_first() -> None:
    backoff = Backoff(lambda: 1.0)
    backoff.failed()
    backoff.failed()
    backoff.succeeded()
    assert backoff.failed() == FIRST_SECONDS


def test_what_the_server_asks_for_is_kept_up_to_an_hour() -> None:
    backoff = Backoff(lambda: 0.0)
    assert backoff.failed(7.0) == 7.0
    assert backoff.failed(1e9) == ASKED_SECONDS_MAX


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "5"}, 5.0),
        ({"retry-after": " 0 "}, 0.0),
        ({}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "1" * 400}, None),
        ({"retry-after": "٥"}, None),
        ({"retry-after": "Sun, 01 Mar 2026 09:31:00 GMT", "date": "Sun, 01 Mar 2026 09:30:00 GMT"}, 60.0),
        ({"retry-after": "Sun, 01 Mar 2026 09:29:00 GMT", "date": "Sun, 01 Mar 2026 09:30:00 GMT"}, 0.0),
        ({"retry-after": "Sun, 01 Mar 2026 09:31:00 GMT"}, None),
        ({"retry-after": "Sun, 01 Mar 2026 09:31:00", "date": "Sun, 01 Mar 2026 09:30:00"}, None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_by_the_servers_own_clock(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after_seconds(headers) == seconds
