"""Time comes from one place, stands still for tests, and has one text form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.kernel.clock import Clock, FixedClock, SystemClock, parse_rfc3339, rfc3339

NOON = datetime(2026, 3, 1, 12, 0, 0, 250, tzinfo=UTC)


def test_system_clock_tells_aware_utc_and_never_goes_back() -> None:
    clock: Clock = SystemClock()
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)
    assert clock.now().utcoffset() == timedelta(0)
    first = clock.monotonic()
    assert clock.monotonic() >= first


def test_fixed_clock_moves_only_when_told() -> None:
    clock = FixedClock(NOON)
    assert (clock.now(), clock.monotonic()) == (NOON, 0.0)
    clock.advance(1.5)
    assert (clock.now(), clock.monotonic()) == (NOON + timedelta(seconds=1.5), 1.5)


def test_instant_is_written_in_utc_with_microseconds() -> None:
    assert rfc3339(NOON) == "2026-03-01T12:00:00.000250Z"
    assert rfc3339(NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))) == "2026-03-01T12:00:00.000250Z"


def test_the_first_and_the_last_instant_of_the_calendar_are_read_back() -> None:
    for instant in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        assert parse_rfc3339(rfc3339(instant)) == instant
    assert rfc3339(datetime.min.replace(tzinfo=UTC)) == "0001-01-01T00:00:00.000000Z"


def test_naive_instant_has_no_text() -> None:
    with pytest.raises(ValueError, match="zone"):
        rfc3339(datetime(2026, 3, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    "text", ["2026-03-01T12:00:00.000250Z", "2026-03-01T13:00:00.00025+01:00", "2026-03-01T06:30:00.000250-05:30"]
)
def test_every_spelling_of_an_instant_is_read_as_it(text: str) -> None:
    assert parse_rfc3339(text) == NOON
    assert parse_rfc3339(text).utcoffset() == timedelta(0)


def test_text_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone is missing"):
        parse_rfc3339("2026-03-01T12:00:00")


@pytest.mark.parametrize("text", ["", "noon", "2026-02-30T12:00:00Z", "2026-03-01T25:00:00Z"])
def test_text_that_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_rfc3339(text)
