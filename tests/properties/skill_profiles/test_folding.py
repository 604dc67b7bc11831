"""However the facts come in batches, and however streams interleave, the read model ends the same.

The rows of a batch are written into dictionaries here, by the same few rules by which SQL writes them; that SQL keeps
to them is shown by the suite, where a rebuild's digest equals the live one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.skill_profiles.domain.folding import Folded, fold
from shared.events.credentials import CredentialRevoked
from shared.events.event import Event, decode
from shared.events.fact import Fact
from shared.events.identity import ConsentWithdrawn, PersonMerged, PersonSplit
from shared.events.skill_estimates import EstimateRevised, EstimateWithdrawn
from shared.events.sources import CREDENTIAL_ISSUING, IDENTITY, PROJECT_SUBMISSIONS, SKILL_INFERENCE, Source
from tests.suites.skill_profiles.book import FactBook
from tests.suites.skill_profiles.samples import consent, credential, estimate, evidence

PEOPLE = ("A", "B", "C")


@dataclass
class ReadModel:
    """What the tables hold, as dictionaries keyed by subject first."""

    facts: dict[str, int] = field(default_factory=dict)
    aliases: dict[str, Any] = field(default_factory=dict)
    members: set[tuple[str, str]] = field(default_factory=set)
    grants: dict[tuple[str, str], bool] = field(default_factory=dict)
    withdrawn: dict[tuple[str, str], bool] = field(default_factory=dict)
    estimates: dict[tuple[str, str], int] = field(default_factory=dict)
    evidence: dict[tuple[str, int], str] = field(default_factory=dict)
    credentials: dict[tuple[str, str], str] = field(default_factory=dict)
    revoked: dict[tuple[str, str], int] = field(default_factory=dict)

    def write(self, folded: Folded) -> None:
        for source, subject in folded.erased:
            self._remove(source, subject)
        for person, count in folded.facts.items():
            self.facts[person] = self.facts.get(person, 0) + count
        self.aliases |= folded.aliases
        self.members |= folded.members_ever
        self.grants |= dict.fromkeys(folded.granted, True)
        self.withdrawn |= dict.fromkeys(folded.withdrawn, True)
        for key, (fact, event) in folded.estimates.items():
            self.estimates.pop(key, None)
            if isinstance(event, EstimateRevised):
                self.estimates[key] = fact.number
        self.evidence |= {(fact.subject, fact.number): event.summary for fact, event in folded.evidence}
        self.credentials |= {key: event.digest for key, (_, event) in folded.issued.items()}
        self.revoked |= {key: fact.number for key, (fact, _) in folded.revoked.items()}

    def _remove(self, source: str, subject: str) -> None:
        tables: dict[str, tuple[Any, ...]] = {
            IDENTITY.name: (self.grants, self.withdrawn),
            SKILL_INFERENCE.name: (self.estimates,),
            PROJECT_SUBMISSIONS.name: (self.evidence,),
            CREDENTIAL_ISSUING.name: (self.credentials, self.revoked),
        }
        for table in tables[source]:
            for key in [key for key in table if key[0] == subject]:
                del table[key]
        if source == IDENTITY.name:
            self.aliases.pop(subject, None)
            self.members = {pair for pair in self.members if pair[0] != subject}


Deed = Callable[[FactBook, str], Any]


def tells(event: Callable[[str], Event]) -> Deed:
    return lambda book, person: book.tell(person, event(person))


def erases(source: Source) -> Deed:
    return lambda book, person: book.erase(source, person)


def merges(book: FactBook, person: str) -> None:
    other = PEOPLE[(PEOPLE.index(person) + 1) % len(PEOPLE)]
    for subject in (other, person):
        book.tell(subject, PersonMerged(canonical=other, alias=person))


def splits(book: FactBook, person: str) -> None:
    other = PEOPLE[(PEOPLE.index(person) + 1) % len(PEOPLE)]
    for subject in (other, person):
        book.tell(subject, PersonSplit(canonical=other, alias=person))


DEEDS: tuple[Deed, ...] = (
    tells(lambda person: estimate("integration.apis")),
    tells(lambda person: estimate("integration.testing")),
    tells(lambda person: EstimateWithdrawn(skill="integration.apis", reason="no-evidence")),
    tells(lambda person: evidence()),
    tells(lambda person: credential(f"vcr_{person}")),
    tells(lambda person: CredentialRevoked(credential=f"vcr_{person}", reason="test")),
    tells(lambda person: consent(f"grt_{person}", "org_1")),
    tells(lambda person: ConsentWithdrawn(grant=f"grt_{person}", organisation="org_1")),
    merges,
    splits,
    erases(PROJECT_SUBMISSIONS),
    erases(SKILL_INFERENCE),
    erases(CREDENTIAL_ISSUING),
    erases(IDENTITY),
)


@st.composite
def histories(draw: st.DrawFn) -> FactBook:
    """A book in which deeds of several people were told."""
    book = FactBook()
    for person, deed in draw(
        st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(DEEDS)), min_size=1, max_size=40)
    ):
        deed(book, person)
    return book


def heard(fact: Fact) -> tuple[Fact, Event | None]:
    return fact, decode(fact.type, fact.data) if fact.data is not None else None


def state(facts: list[Fact], cuts: list[int]) -> ReadModel:
    """Return the read model after these facts came in batches that end at `cuts`."""
    model = ReadModel()
    bounds = [0, *sorted(cut for cut in cuts if cut < len(facts)), len(facts)]
    for start, end in itertools.pairwise(bounds):
        model.write(fold(map(heard, facts[start:end])))
    return model


@given(histories(), st.lists(st.integers(0, 120), max_size=10), st.randoms(use_true_random=False))
def test_neither_batches_nor_the_interleaving_of_streams_matter(book: FactBook, cuts: list[int], chance: Any) -> None:
    streams: dict[tuple[str, str], list[Fact]] = {}
    for fact in book.facts:
        streams.setdefault((fact.source, fact.subject), []).append(fact)
    places = [key for key, stream in streams.items() for _ in stream]
    chance.shuffle(places)
    iterators = {key: iter(stream) for key, stream in streams.items()}
    interleaved = [next(iterators[key]) for key in places]

    assert state(interleaved, cuts) == state(book.facts, [])


@given(histories(), st.integers(0, 120))
def test_what_was_heard_before_it_was_erased_ends_as_what_was_erased_before_it_was_heard(
    book: FactBook, heard_before: int
) -> None:
    """Live hears facts while they are whole, a rebuild finds them empty."""
    whole: list[Fact] = []
    first = FactBook()
    first.facts, first.numbers = list(book.facts), dict(book.numbers)
    whole = first.facts[:heard_before]
    for person in PEOPLE:
        first.erase(PROJECT_SUBMISSIONS, person)
    rest = first.facts[len(whole) :]

    assert state([*whole, *rest], [len(whole)]) == state(first.facts, [])
