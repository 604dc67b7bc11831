"""Facts become rows by the stream they stand in, and by nothing else."""

from __future__ import annotations

import pytest

from services.skill_profiles.domain.folding import HEARS, PROFILE_TYPES, TYPES, Misplaced, fold
from shared.events.event import REGISTRY, Event, decode
from shared.events.fact import Fact
from shared.events.identity import PersonMerged, PersonSplit
from shared.events.profiles import ProfileRead
from shared.events.sources import PROJECT_SUBMISSIONS
from tests.suites.skill_profiles.book import FactBook
from tests.suites.skill_profiles.samples import estimate, evidence, statement


@pytest.fixture
def book() -> FactBook:
    return FactBook()


def heard(facts: list[Fact]) -> list[tuple[Fact, Event | None]]:
    return [(fact, decode(fact.type, fact.data) if fact.data is not None else None) for fact in facts]


def test_every_type_that_is_decoded_is_a_known_one_of_a_source_that_is_heard() -> None:
    assert {REGISTRY[type_].source_of for type_ in TYPES} == set(HEARS)
    assert PROFILE_TYPES < TYPES
    assert ProfileRead.type not in TYPES


def test_a_merge_counts_from_the_aliases_own_stream_only(book: FactBook) -> None:
    event = PersonMerged(canonical="C", alias="A")

    from_canonical, from_alias = fold(heard(book.tell("C", event))), fold(heard(book.tell("A", event)))

    assert (from_canonical.aliases, from_canonical.members_ever) == ({}, {("C", "A")})
    assert (from_alias.aliases, from_alias.members_ever) == ({"A": ("C", 1)}, set())


def test_the_last_word_of_the_aliases_stream_holds(book: FactBook) -> None:
    told = book.tell("A", PersonMerged(canonical="B", alias="A"), PersonSplit(canonical="B", alias="A"))
    again = book.tell("A", PersonMerged(canonical="C", alias="A"))

    assert fold(heard(told)).aliases == {"A": (None, 2)}
    assert fold(heard([*told, *again])).aliases == {"A": ("C", 3)}


def test_a_merge_in_a_strangers_stream_is_misplaced(book: FactBook) -> None:
    with pytest.raises(Misplaced):
        fold(heard(book.tell("X", PersonMerged(canonical="C", alias="A"))))


def test_an_erasure_in_the_batch_takes_what_came_before_it_and_leaves_what_comes_after(book: FactBook) -> None:
    before = book.tell("A", evidence(summary="before"), estimate())
    erasure = book.erase(PROJECT_SUBMISSIONS, "A")
    after = book.tell("A", evidence(summary="after"))

    folded = fold(heard([*before, *erasure, *after]))

    assert [event.summary for _, event in folded.evidence] == ["after"]
    assert folded.erased == {("project_submissions", "A")}
    assert folded.estimates, "what other sources told stays"
    assert folded.facts == {"A": 4}


def test_an_erased_fact_counts_and_leaves_nothing_else(book: FactBook) -> None:
    book.tell("A", evidence())
    book.erase(PROJECT_SUBMISSIONS, "A")

    folded = fold(heard(book.facts))

    assert folded.evidence == []
    assert folded.facts == {"A": 2}


def test_statements_are_counted_beside_the_version_and_those_of_test_keys_not_at_all(book: FactBook) -> None:
    folded = fold(heard(book.tell("A", statement(), statement(is_test=True))))

    assert folded.learning["A"].statements == 1
    assert folded.facts == {}
