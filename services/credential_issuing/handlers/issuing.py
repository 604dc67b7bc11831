"""An estimate that satisfies the rule becomes a credential: signed, stored and told in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.credential_issuing.domain.earning import ToldEstimate, earned_claim, might_earn
from services.credential_issuing.domain.evidence import Testimony
from services.credential_issuing.domain.issuing import Signed, sign
from services.credential_issuing.domain.open_badge import open_badge
from services.credential_issuing.domain.policy import Held, Issue, decide
from services.credential_issuing.domain.status_list import StatusEntry, drawn_index, is_full
from services.credential_issuing.handlers.office import CREDENTIALS_KEY, Office
from shared.events.credentials import CredentialIssued
from shared.events.fact import NewFact
from shared.kernel.ids import CredentialId, FactId, PersonId
from shared.kernel.signing import encode_multikey


@dataclass(frozen=True, slots=True)
class HeldCredential:
    """A credential somebody has, with what the policy does not look at."""

    person: PersonId
    skill: str
    rule: str
    held: Held


@dataclass(frozen=True, slots=True)
class OpenList:
    """The status list that takes entries."""

    id: int
    url: str
    allocated: int


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of a status list that was taken."""

    list: int
    entry: StatusEntry


@dataclass(frozen=True, slots=True)
class Earned:
    """A credential that is to be issued. renewal: how many of its kind ran out before it."""

    id: CredentialId
    told: ToldEstimate
    decision: Issue
    renewal: int


@dataclass(frozen=True, slots=True)
class Issued:
    """A credential as it is stored."""

    earned: Earned
    place: Place
    issued_at: datetime
    fact: FactId
    signed: Signed


class Ledger(Protocol):
    """What was issued and heard, in one open transaction that holds the locks of the persons it issues to."""

    async def families(self, people: Collection[PersonId]) -> Mapping[PersonId, frozenset[PersonId]]:
        """Return for each person everybody who is one person with them at present, themself included."""
        ...

    async def erased(self, people: Collection[PersonId]) -> Collection[PersonId]:
        """Return those of these people whom identity erased."""
        ...

    async def held(self, people: Collection[PersonId]) -> Sequence[HeldCredential]:
        """Return every credential of these people, whatever became of it."""
        ...

    async def testimonies(self, people: Collection[PersonId]) -> Mapping[PersonId, Sequence[Testimony]]:
        """Return what was heard of these people's submissions and not erased."""
        ...

    async def missing(self, facts: Collection[str]) -> frozenset[str]:
        """Return those of these facts that were not heard."""
        ...

    async def wait(self, told: ToldEstimate, needed: Collection[str]) -> None:
        """Keep an estimate until the facts it needs were heard."""
        ...

    async def register_key(self, did: str, multikey: str, at: datetime) -> None:
        """Have the issuer's document list this key from now on."""
        ...

    async def open_list(self, office: Office) -> OpenList:
        """Return the issuer's newest list, one made now if there is none; nobody else takes entries meanwhile."""
        ...

    async def next_list(self, office: Office) -> OpenList:
        """Return a list made now. Only while `open_list` is held."""
        ...

    async def take(self, open_list: OpenList, indexes: Collection[int]) -> Sequence[int]:
        """Take those of these entries that are free, and return them."""
        ...

    async def save(self, issued: Sequence[Issued]) -> None:
        """Store the credentials."""
        ...

    async def tell(self, facts: Sequence[NewFact]) -> None:
        """Append the facts in the same transaction."""
        ...


async def issue_earned(
    ledger: Ledger, office: Office, estimates: Sequence[ToldEstimate], now: datetime
) -> Sequence[ToldEstimate]:
    """Issue every credential these estimates earn, in their order, and keep those whose evidence was not heard yet.

    Returns the estimates that earned one for a skill which is no achievement of ours: they can never be issued. Raises
    Rejected for an estimate whose probabilities are none.
    """
    hopeful = [told for told in estimates if might_earn(told, office.rule, now)]
    unknown = [told for told in hopeful if told.event.skill not in office.achievements.skills]
    hopeful = [told for told in hopeful if told.event.skill in office.achievements.skills]
    if hopeful:
        families = await ledger.families({told.person for told in hopeful})
        everybody = frozenset(person for family in families.values() for person in family)
        erased = await ledger.erased(everybody)
        hopeful = [told for told in hopeful if families[told.person].isdisjoint(erased)]
        missing = await ledger.missing(frozenset(fact for told in hopeful for fact in told.evidence_facts()))
        ready = await _with_evidence(ledger, hopeful, missing)
        earned = _earned(office, ready, families, await ledger.held(everybody), now)
        await _issue(ledger, office, earned, families, now)
    return unknown


async def _with_evidence(
    ledger: Ledger, hopeful: Sequence[ToldEstimate], missing: frozenset[str]
) -> Sequence[ToldEstimate]:
    """Return the estimates whose evidence was heard; the others wait for it."""
    ready = []
    for told in hopeful:
        if needed := told.evidence_facts() & missing:
            await ledger.wait(told, needed)
        else:
            ready.append(told)
    return ready


def _earned(
    office: Office,
    ready: Sequence[ToldEstimate],
    families: Mapping[PersonId, frozenset[PersonId]],
    have: Sequence[HeldCredential],
    now: datetime,
) -> list[Earned]:
    """Return what is issued; what one estimate earns, the next one finds held."""
    held = list(have)
    earned = []
    for told in ready:
        family = families[told.person]
        mine = [each for each in held if each.person in family and each.skill == told.event.skill]
        decision = decide(office.rule, told.estimate(), [each.held for each in mine], now)
        if not isinstance(decision, Issue):
            continue
        renewal = sum(
            each.person == told.person and each.held.level == decision.level and each.rule == decision.rule
            for each in mine
        )
        earned.append(Earned(office.new_id(), told, decision, renewal))
        own = Held(earned[-1].id, decision.level, decision.valid_until, is_revoked=False)
        held.append(HeldCredential(told.person, told.event.skill, decision.rule, own))
    return earned


async def _issue(
    ledger: Ledger,
    office: Office,
    earned: Sequence[Earned],
    families: Mapping[PersonId, frozenset[PersonId]],
    now: datetime,
) -> None:
    if not earned:
        return
    signer = office.keys.signer(CREDENTIALS_KEY)
    await ledger.register_key(office.issuer.did, encode_multikey(signer.public_key), now)
    places = await _take_places(ledger, office, len(earned))
    testimonies = await ledger.testimonies({person for each in earned for person in families[each.told.person]})
    issued = []
    for each, place in zip(earned, places, strict=True):
        seen = [one for person in sorted(families[each.told.person]) for one in testimonies.get(person, ())]
        claim = earned_claim(each.told, each.decision, office.rule, office.achievements, seen)
        url = office.credential_url(each.id)
        badge = open_badge(url, office.issuer, claim, place.entry, now, each.decision.valid_until)
        signed = sign(badge, office.issuer.did, signer, now)
        issued.append(Issued(each, place, now, office.new_fact_id(), signed))
    await ledger.save(issued)
    await ledger.tell([_fact(office, each) for each in issued])


async def _take_places(ledger: Ledger, office: Office, count: int) -> Sequence[Place]:
    """Take `count` entries, drawn at random; a list that is full is followed by the next."""
    current = await ledger.open_list(office)
    places: list[Place] = []
    while len(places) < count:
        if is_full(current.allocated, office.bits):
            current = await ledger.next_list(office)
        draws = {drawn_index(office.random_bytes(8), office.bits) for _ in range(count - len(places))}
        taken = await ledger.take(current, draws)
        places += [Place(current.id, StatusEntry(current.url, index)) for index in taken]
        current = OpenList(current.id, current.url, current.allocated + len(taken))
    return places


def _fact(office: Office, issued: Issued) -> NewFact:
    told, decision = issued.earned.told, issued.earned.decision
    event = CredentialIssued(
        credential=issued.earned.id,
        skill=decision.skill,
        level=decision.level,
        issuer=office.issuer.did,
        digest=issued.signed.digest,
        status_list=issued.place.entry.list_url,
        status_index=issued.place.entry.index,
        policy=decision.rule,
        release=told.event.release,
        estimate=told.fact,
        valid_from=issued.issued_at,
        valid_until=decision.valid_until,
    )
    return event.fact(issued.fact, told.person, issued.issued_at)
