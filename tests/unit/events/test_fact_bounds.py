"""What no fact may be, whoever tells it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.events.fact import DATA_BYTES_MAX, NewFact
from shared.kernel.errors import Rejected
from shared.kernel.ids import FactId, Subject

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
TICK = timedelta(microseconds=1)


def new_fact(subject: str = "prs_1", at: datetime = NOON, data: bytes = b"{}") -> NewFact:
    return NewFact(FactId("f"), Subject(subject), "deedlog.learning-events.x.v1", at, None, data)


@pytest.mark.parametrize("at", [FIRST, LAST])
def test_an_end_of_the_calendar_is_no_time_of_a_fact(at: datetime) -> None:
    with pytest.raises(Rejected) as caught:
        new_fact(at=at)
    assert caught.value.faults[0].pointer == "/time"


@pytest.mark.parametrize("at", [FIRST + TICK, LAST - TICK])
def test_beside_the_ends_of_the_calendar_a_fact_may_lie(at: datetime) -> None:
    assert new_fact(at=at).occurred_at == at


@pytest.mark.parametrize("subject", ["", "p" * 256])
def test_a_subject_has_1_to_255_characters(subject: str) -> None:
    with pytest.raises(Rejected):
        new_fact(subject)


def test_data_over_the_bound_is_refused() -> None:
    assert len(new_fact(data=b"x" * DATA_BYTES_MAX).data) == DATA_BYTES_MAX
    with pytest.raises(Rejected):
        new_fact(data=b"x" * (DATA_BYTES_MAX + 1))
