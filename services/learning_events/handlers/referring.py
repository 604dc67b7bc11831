"""Statements that refer to others are found by whatever those are found by (xAPI part 3, 2.1.3, "Filter conditions").

The rule is recursive, and holds whichever statement came first: one that comes brings what it is found by to all that
refer to it already, and takes over what those are found by that it refers to itself. How far it goes is bounded.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast

from services.learning_events.domain.arrival import Arrival
from services.learning_events.domain.terms import target_of_reference, terms_of
from services.learning_events.handlers.ports import Referral
from shared.kernel import canonical_json

STEPS_MAX: Final = 8
"""How many references in a row are followed each way."""
REFERRALS_MAX: Final = 500
"""How many statements that refer to new ones are followed; of more, some are not found by what they refer to."""


class References(Protocol):
    """What refers to what, as one transaction sees it."""

    async def referrals(self, targets: Collection[str], limit: int) -> Sequence[Referral]:
        """Return kept statements that refer to these."""
        ...

    async def originals(self, ids: Collection[str]) -> Mapping[str, bytes]:
        """Return those of the statements that are kept and not erased."""
        ...


class GrowingReferences(References, Protocol):
    """The same, where statements are added."""

    async def add_referrals(self, referrals: Sequence[tuple[str, str]]) -> Sequence[Referral]:
        """Keep which new statements refer to which, pairs of the target and the one that refers, and return them."""
        ...

    async def add_terms(self, rows: Sequence[tuple[str, Referral]]) -> None:
        """Have statements that refer to others found by further terms. Safe to repeat."""
        ...


@dataclass
class _Web:
    """What is known of statements that refer to one another. target: of each one that refers; terms: of each."""

    target: dict[str, str] = field(default_factory=dict)
    terms: dict[str, tuple[str, ...]] = field(default_factory=dict)
    referrals: dict[str, Referral] = field(default_factory=dict)


async def inherit_terms(ledger: GrowingReferences, new: Sequence[Arrival], targeted: Collection[str]) -> None:
    """Have every statement found by what it refers to, as far as that changes by these new ones.

    targeted: those of them that earlier statements refer to.
    """
    targets = {one.id: one.event.object_id for one in new if one.event.object_type == "StatementRef"}
    if targets or targeted:
        await inherit(ledger, {one.id: one.statement.terms for one in new}, targets, targeted)


async def inherit(
    ledger: GrowingReferences,
    terms: Mapping[str, tuple[str, ...]],
    targets: Mapping[str, str],
    targeted: Collection[str],
) -> None:
    """Do the same, given what the new ones are found by and to what some of them refer."""
    web = _Web(dict(targets), dict(terms))
    added = await ledger.add_referrals([(target, one) for one, target in targets.items()]) if targets else ()
    web.referrals |= {one.referring: one for one in added}
    await _follow_up(ledger, web, set(targets) | set(targeted))
    await _follow_down(ledger, web)
    rows = [(term, one) for one in web.referrals.values() for term in _inherited(web, one.referring)]
    if rows:
        await ledger.add_terms(rows)


async def inherited_from(
    references: References, gone: Mapping[str, tuple[str, ...]], referring: Sequence[Referral]
) -> list[tuple[Referral, Collection[str]]]:
    """Return the statements that refer to others, each with what it is to be found by no more when some go.

    gone: what those that go are found by themselves; referring: those of them that refer to others.
    """
    web = _Web(terms=dict(gone))
    for one in referring:
        web.referrals[one.referring] = one
        web.target[one.referring] = one.target
    await _follow_up(references, web, gone.keys())
    if not web.referrals:
        return []
    await _follow_down(references, web)
    own = await references.originals(web.referrals.keys() - web.terms.keys())
    web.terms |= {name: terms_of(_read(original)) for name, original in own.items()}
    left = {name: terms for name, terms in web.terms.items() if name not in gone}
    lost: list[tuple[Referral, Collection[str]]] = []
    for name, one in web.referrals.items():
        terms = set(_inherited(web, name))
        if name not in gone:
            terms -= {*left.get(name, ()), *_inherited(_Web(web.target, left), name)}
        lost.append((one, terms))
    return lost


async def _follow_up(ledger: References, web: _Web, ids: Collection[str]) -> None:
    """Learn who refers to these, and to those in turn."""
    for _ in range(STEPS_MAX):
        found = await ledger.referrals(ids, REFERRALS_MAX) if ids else ()
        ids = {one.referring for one in found if one.referring not in web.referrals}
        for one in found:
            web.referrals[one.referring] = one
            web.target[one.referring] = one.target


async def _follow_down(ledger: References, web: _Web) -> None:
    """Learn what those that are referred to are found by, and what they refer to in turn."""
    for _ in range(STEPS_MAX):
        wanted = set(web.target.values()) - web.terms.keys()
        if not wanted:
            return
        originals = await ledger.originals(wanted)
        web.terms |= dict.fromkeys(wanted, ())
        for statement_id, original in originals.items():
            statement = _read(original)
            web.terms[statement_id] = terms_of(statement)
            target = target_of_reference(statement)
            if target is not None:
                web.target[statement_id] = target


def _inherited(web: _Web, statement_id: str) -> Collection[str]:
    """Return what the statements are found by that this one refers to, directly or not; rings end where they begin."""
    terms: set[str] = set()
    seen = {statement_id}
    current = web.target.get(statement_id)
    while current is not None and current not in seen:
        seen.add(current)
        terms.update(web.terms.get(current, ()))
        current = web.target.get(current)
    return terms


def _read(original: bytes) -> dict[str, Any]:
    return cast("dict[str, Any]", canonical_json.loads(original, bytes_max=len(original)))
