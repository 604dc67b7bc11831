"""What the special data types mean, once they keep their format."""

from __future__ import annotations

from datetime import UTC, datetime
from time import perf_counter

import pytest

from services.learning_events.domain.faults import Faults
from services.learning_events.domain.formats import (
    check_duration,
    check_iri,
    check_language_tag,
    check_timestamp,
    duration_seconds,
    instant,
    is_uuid,
)


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ("2026-03-01T09:30:00Z", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-01t10:30:00.25+01:00", datetime(2026, 3, 1, 9, 30, 0, 250_000, tzinfo=UTC)),
        ("2026-03-01T09:30:00.123456789z", datetime(2026, 3, 1, 9, 30, 0, 123_456, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("2017-01-01T00:59:60.5+01:00", datetime(2017, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_timestamp_names_an_instant_in_utc(timestamp: str, expected: datetime) -> None:
    assert instant(timestamp) == expected


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        ("PT4H35M59.14S", 16_559.14),
        ("P4W", 2_419_200.0),
        ("P1DT1S", 86_401.0),
        ("PT0,5H", 1_800.0),
        ("P0Y0M1D", 86_400.0),
        ("P3Y", None),
        ("P1M", None),
    ],
)
def test_a_duration_has_seconds_unless_years_or_months_make_them_a_guess(duration: str, seconds: float | None) -> None:
    assert duration_seconds(duration) == seconds


def test_a_uuid_is_a_text() -> None:
    assert is_uuid("6690E6C9-3ef0-4ed3-8b37-7f3964730bee")
    assert not is_uuid("6690E6C9-3ef0-4ed3-8b37-7f3964730bee\n")
    assert not is_uuid(7)


@pytest.mark.parametrize("check", [check_iri, check_language_tag, check_timestamp, check_duration])
@pytest.mark.parametrize("text", ["a:" + "%41" * 50_000 + "%", "a" + "-abcde" * 30_000 + "!", "P" + "1" * 100_000])
def test_no_text_keeps_a_check_busy(check: object, text: str) -> None:
    began = perf_counter()
    check(text, "", Faults())  # type: ignore[operator]
    assert perf_counter() - began < 0.5
