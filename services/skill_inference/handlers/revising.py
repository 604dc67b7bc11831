"""Telling what moved: fold whom something touched, compare with what was told last, tell the difference.

What costs too much for one transaction is left for the next: a transaction must end far below its timeout, whatever
somebody floods us with, or the batch it belongs to would be tried for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from services.skill_inference.domain.fold import Ledger
from services.skill_inference.domain.ledgers import Token
from services.skill_inference.domain.people import People
from services.skill_inference.domain.reading import Evidence, Targets, observations, organisations
from services.skill_inference.domain.revision import merged_away, opted_out, revisions
from services.skill_inference.handlers.desk import Basis, Desk, Inference, Standing

TOLD_MAX: Final = 600
"""Facts told in one transaction, give or take those of one person: some 160 ms on one core."""
FOLDED_MAX: Final = 10_000
"""What one transaction folds, in outcomes, give or take one person: some 200 ms. Five seconds are all it has, on a
machine where others work too, and behind locks.
"""
LONG_FOLD: Final = 200
"""After folding so many observations others get a turn: some 5 ms."""


async def revise(
    desk: Desk,
    inference: Inference,
    persons: Collection[str],
    people: People,
    locked: Collection[str],
    basis: Basis,
    standings: Mapping[str, Standing] | None = None,
) -> set[str]:
    """Have told what differs from what was told last of these persons, and return those who are left for later.

    Left are those who are not `locked`, and those beyond what one transaction may fold or tell. `basis` is held, and
    `people` were looked up around all `persons`; standings: where they are known.
    """
    wanted = sorted(person for person in persons if person in locked)
    told = await desk.told(wanted)
    news = {person: merged_away(told.get(person, {})) for person in wanted if people.is_alias(person)}
    members = {person: people.members(person) for person in wanted if person not in news}
    for person in await desk.opted_out(members):
        news[person] = opted_out(told.get(person, {}))
        inference.ledgers.let_go(person)
        del members[person]
    if standings is None:
        standings = await desk.standings(members)
    shift = await _shift(desk, inference, members, basis, standings)
    count = sum(map(len, news.values()))
    for person in shift.chosen:
        if count >= TOLD_MAX:
            break
        ledger = shift.ledger(person)
        if ledger is None:
            continue
        before, rule = told.get(person, {}), inference.rules.standard
        news[person] = revisions(ledger.state(), before, inference.framework, inference.release, rule)
        count += len(news[person])
        if len(ledger) > LONG_FOLD:
            await asyncio.sleep(0)
    now = inference.clock.now()
    facts = [revision.fact(inference.fact_id(), person, now) for person, found in news.items() for revision in found]
    if facts:
        await desk.tell(news, facts)
    return set(persons) - news.keys()


@dataclass(slots=True)
class _Shift:
    """Whom one transaction can afford to fold, and what it read of those whose ledgers are not at hand."""

    inference: Inference
    members: Mapping[str, Collection[str]]
    tokens: Mapping[str, Token]
    chosen: list[str] = field(default_factory=list)
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    targets: Targets = field(default_factory=dict)

    def choose(self, standings: Mapping[str, Standing]) -> list[str]:
        """Have chosen people in order as long as they are affordable; return those whose ledgers are not at hand."""
        missing, spent = [], 0
        for person, token in self.tokens.items():
            cost = self.inference.ledgers.cost(person, token)
            spent += standings.get(person, Standing()).cost if cost is None else cost
            if self.chosen and spent > FOLDED_MAX:
                break
            self.chosen.append(person)
            if cost is None:
                missing.append(person)
        return missing

    def ledger(self, person: str) -> Ledger | None:
        """Return the person's ledger; None when it was at hand and others took its place meanwhile."""
        ledgers, token = self.inference.ledgers, self.tokens[person]
        found = ledgers.find(person, token)
        if found is None and person in self.evidence:
            skills, ids = self.inference.framework.skills, self.members[person]
            found = Ledger(observations(self.evidence[person], self.targets, skills, ids), self.inference.release)
            ledgers.put(person, token, found)
        return found


async def _shift(
    desk: Desk,
    inference: Inference,
    members: Mapping[str, Collection[str]],
    basis: Basis,
    standings: Mapping[str, Standing],
) -> _Shift:
    known = {person: standings.get(person, Standing()) for person in members}
    tokens = {person: known[person].token(basis, ids) for person, ids in members.items()}
    shift = _Shift(inference, members, tokens)
    missing = shift.choose(standings)
    if missing:
        shift.evidence = await desk.evidence({person: members[person] for person in missing}, known)
        shift.targets = await desk.targets(organisations(shift.evidence.values()))
    return shift
