"""What credential_issuing hears: estimates, which may earn a credential, and what these are to point to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from services.credential_issuing.domain.earning import ToldEstimate
from services.credential_issuing.handlers.hearing import HeardTestimony, follow_person
from services.credential_issuing.handlers.issuing import issue_earned
from services.credential_issuing.handlers.office import Office
from services.credential_issuing.store.ledger import PostgresLedger, families
from shared.events.erasure import FactsErased, facts_erased
from shared.events.event import REGISTRY
from shared.events.fact import Fact
from shared.events.identity import PersonMerged, PersonSplit
from shared.events.project_submissions import EvidenceGraded, ReviewCompleted
from shared.events.skill_estimates import EstimateRevised, EstimateWithdrawn
from shared.events.sources import IDENTITY, PROJECT_SUBMISSIONS, SKILL_INFERENCE, Source
from shared.kernel.clock import Clock
from shared.kernel.errors import Rejected
from shared.kernel.ids import PersonId, has_prefix
from shared.runtime.effect import Applying, FactBroken, Heard, SetAside
from shared.runtime.postgres import Connection

_TESTIMONIES: Final = frozenset(type_ for type_ in REGISTRY if type_.startswith(PROJECT_SUBMISSIONS.type_prefix))
"""Every type of project_submissions: which of them an estimate may rest on is not ours to say."""
_OTHERS: Final = frozenset(
    {
        EstimateRevised.type,
        EstimateWithdrawn.type,
        PersonMerged.type,
        PersonSplit.type,
        facts_erased(IDENTITY, 0).type,
        facts_erased(SKILL_INFERENCE, 0).type,
    }
)


class Issuing:
    """Issues what estimates earn, in the transaction in which they are heard."""

    hears: tuple[Source, ...] = (IDENTITY, PROJECT_SUBMISSIONS, SKILL_INFERENCE)
    types: frozenset[str] | None = _TESTIMONIES | _OTHERS

    def __init__(self, office: Office, clock: Clock) -> None:
        self._office = office
        self._clock = clock

    async def subjects(self, connection: Connection, heard: Sequence[Heard]) -> Collection[str]:
        """Return everybody who is one person with whom an estimate speaks of: they hold credentials together."""
        people = {item.fact.subject for item in heard if isinstance(item.event, EstimateRevised)}
        found = await families(connection, people) if people else {}
        return {person for family in found.values() for person in family}

    async def apply(self, applying: Applying, heard: Sequence[Heard]) -> Sequence[SetAside]:
        """Keep what may be pointed to, then issue what is earned."""
        ledger = PostgresLedger(applying.connection, applying.tell)
        of_people = [item for item in heard if has_prefix(item.fact.subject, "prs")]
        await ledger.keep([_testimony(item) for item in of_people if item.fact.type in _TESTIMONIES])
        for item in of_people:
            await _note(ledger, item)
        estimates = {item.fact.id: _told(item.fact, item.event) for item in of_people if _is_estimate(item)}
        now = self._clock.now()
        unknown = await issue_earned(ledger, self._office, list(estimates.values()), now)
        # After what was earned: an estimate and its withdrawal may come in one batch, and it must not wait on alone.
        for item in of_people:
            if isinstance(item.event, EstimateWithdrawn):
                await ledger.forget_waiting(PersonId(item.fact.subject), item.event.skill, item.fact.number)
        facts = {item.fact.id: item.fact for item in of_people}
        return [SetAside(facts[told.fact], f"there is no achievement for {told.event.skill}") for told in unknown]


def _is_estimate(item: Heard) -> bool:
    return isinstance(item.event, EstimateRevised)


def _testimony(item: Heard) -> HeardTestimony:
    """Return the fact as it is kept: with its data only where a credential may speak of them."""
    fact = item.fact
    data = fact.data if isinstance(item.event, ReviewCompleted | EvidenceGraded) else None
    return HeardTestimony(fact.id, PersonId(fact.subject), fact.number, fact.type, data)


async def _note(ledger: PostgresLedger, item: Heard) -> None:
    """Note what a fact says of the person themself or takes back; others say nothing here."""
    person, event = PersonId(item.fact.subject), item.event
    if isinstance(event, PersonMerged | PersonSplit):
        await follow_person(ledger, person, event)
    elif isinstance(event, FactsErased):
        source = item.fact.source
        await ledger.note_erasure(person, source, event.through, is_of_the_person=source == IDENTITY.name)


def _told(fact: Fact, event: object) -> ToldEstimate:
    assert isinstance(event, EstimateRevised)
    told = ToldEstimate(fact.id, PersonId(fact.subject), fact.number, fact.occurred_at, event)
    try:
        told.estimate()
        told.evidence_facts()
    except (Rejected, ValueError, IndexError) as error:
        raise FactBroken(fact, f"it is no estimate: {error}") from error
    return told
