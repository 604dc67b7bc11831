"""Facts for properties: any the types allow, and whole streams of them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from hypothesis import strategies as st

from shared.events.erasure import facts_erased
from shared.events.fact import DATA_BYTES_MAX, SUBJECT_CHARACTERS_MAX, Fact
from shared.events.learning_events import StatementRecorded
from shared.events.sources import LEARNING_EVENTS
from shared.kernel.ids import FactId, Subject

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SOUND = StatementRecorded(statement="s", account="a", verb="v", object="o", object_type="Activity", digest="d").encode()

characters = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
texts = st.text(characters, min_size=1, max_size=40)
instants = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
fact_ids = st.uuids(version=4).map(lambda value: FactId(str(value)))


@st.composite
def any_facts(draw: st.DrawFn) -> Fact:
    """Any fact, erased or not, of any organisation or none."""
    return Fact(
        id=draw(fact_ids),
        source=draw(texts),
        subject=Subject(draw(st.text(characters, min_size=1, max_size=SUBJECT_CHARACTERS_MAX))),
        number=draw(st.integers(1, 2**63 - 1)),
        type=draw(texts),
        occurred_at=draw(instants),
        recorded_at=draw(instants),
        organisation=draw(st.none() | texts),
        data=draw(st.none() | st.binary(max_size=DATA_BYTES_MAX)),
    )


def fact(subject: str, number: int, *, history: int = 0, data: bytes | None = SOUND) -> Fact:
    """Return fact `number` of a subject's stream; other histories have other ids under the same numbers."""
    name = uuid.uuid5(uuid.NAMESPACE_OID, f"{subject}/{number}/{history}")
    return Fact(
        FactId(str(name)),
        LEARNING_EVENTS.name,
        Subject(subject),
        number,
        StatementRecorded.type,
        NOON,
        NOON,
        None,
        data,
    )


def erasure(subject: str, number: int, through: int) -> Fact:
    """Return the fact, numbered `number`, that tells that those up to `through` were erased."""
    event = facts_erased(LEARNING_EVENTS, through)
    name = uuid.uuid5(uuid.NAMESPACE_OID, f"{subject}/{number}/erasure")
    source = LEARNING_EVENTS.name
    return Fact(FactId(str(name)), source, Subject(subject), number, event.type, NOON, NOON, None, event.encode())


@st.composite
def deliveries(draw: st.DrawFn, length: int) -> list[list[int]]:
    """Numbers of a stream in batches: any order, any repetitions, any of them never."""
    return draw(st.lists(st.lists(st.integers(1, length), max_size=12), max_size=12))
