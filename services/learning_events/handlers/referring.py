"""Statements that refer to others are found by whatever those are found by (xAPI part 3, 2.1.3, "Filter conditions").

The rule is recursive, and holds whichever statement came first: one that comes brings what it is found by to all that
refer to it already, and takes over what those are found by that it refers to itself. How far it goes is bounded.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from services.learning_events.domain.arrival import Arrival
from services.learning_events.domain.terms import target_of_reference, terms_of
from services.learning_events.handlers.ports import Ledger, Referral
from shared.kernel import canonical_json

STEPS_MAX: Final = 8
"""How many references in a row are followed each way."""
REFERRALS_MAX: Final = 500
"""How many statements that refer to new ones are followed; of more, some are not found by what they refer to."""


@dataclass
class _Web:
    """What is known of statements that refer to one another. target: of each one that refers; terms: of each."""

    target: dict[str, str] = field(default_factory=dict)
    terms: dict[str, tuple[str, ...]] = field(default_factory=dict)
    referrals: dict[str, Referral] = field(default_factory=dict)


async def inherit_terms(ledger: Ledger, new: Sequence[Arrival], targeted: Collection[str]) -> None:
    """Have every statement found by what it refers to, as far as that changes by these new ones.

    targeted: those of them that earlier statements refer to.
    """
    referring = [one for one in new if one.event.object_type == "StatementRef"]
    if not referring and not targeted:
        return
    web = _Web()
    for arrival in new:
        web.terms[arrival.id] = arrival.statement.terms
    for arrival in referring:
        web.target[arrival.id] = arrival.event.object_id
    added = await ledger.add_referrals([(one.event.object_id, one.id) for one in referring]) if referring else ()
    web.referrals |= {one.referring: one for one in added}
    await _follow_up(ledger, web, {one.id for one in referring} | set(targeted))
    await _follow_down(ledger, web)
    rows = [(term, one) for one in web.referrals.values() for term in _inherited(web, one.referring)]
    if rows:
        await ledger.add_terms(rows)


async def _follow_up(ledger: Ledger, web: _Web, ids: Collection[str]) -> None:
    """Learn who refers to these, and to those in turn."""
    for _ in range(STEPS_MAX):
        found = await ledger.referrals(ids, REFERRALS_MAX) if ids else ()
        ids = {one.referring for one in found if one.referring not in web.referrals}
        for one in found:
            web.referrals[one.referring] = one
            web.target[one.referring] = one.target


async def _follow_down(ledger: Ledger, web: _Web) -> None:
    """Learn what those that are referred to are found by, and what they refer to in turn."""
    for _ in range(STEPS_MAX):
        wanted = set(web.target.values()) - web.terms.keys()
        if not wanted:
            return
        originals = await ledger.originals(wanted)
        web.terms |= dict.fromkeys(wanted, ())
        for statement_id, original in originals.items():
            statement = cast("dict[str, Any]", canonical_json.loads(original, bytes_max=len(original)))
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
