"""Which statements moved whom: each statement with the logits by which it moves the skills its activity shows.

The figures are the fold's own contributions and not an attribution made afterwards. What a voided statement had moved
is read from a second fold, in which the person's voided statements of this organisation still stand.

A statement is told with the id it stands under, never with whom that id was merged: whether the person has an account
elsewhere is theirs to tell. Of the skills only those that the activity shows are told, for the same reason; the part
that moved the general level is in them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol

from services.skill_inference.domain.alignment import Target
from services.skill_inference.domain.explanation import explain
from services.skill_inference.domain.fold import fold
from services.skill_inference.domain.observation import instant_of
from services.skill_inference.domain.people import People
from services.skill_inference.domain.reading import Evidence, Targets, observations, organisations
from services.skill_inference.domain.state import PersonState
from services.skill_inference.domain.testimony import Statement
from services.skill_inference.handlers.desk import Inference, Standing

FOLDED_MAX: Final = 10_000
"""What one page folds, in outcomes, give or take one person: some 200 ms. A page that would cost more is short."""

State = Literal["observed", "voided", "not-aligned", "opted-out"]


class Effect(NamedTuple):
    """What one statement does, in logits by skill, as of the skill's newest evidence.

    moved: what it moves now. taken_back: what it had moved before it was voided.
    """

    statement: Statement
    state: State
    moved: dict[str, float]
    taken_back: dict[str, float]


class EffectsDesk(Protocol):
    """What is read of people, whichever organisation their evidence came from. `members`: ids by canonical person."""

    async def people(self, persons: Collection[str]) -> People:
        """Return who is whom around `persons`."""
        ...

    async def standings(self, members: Mapping[str, Collection[str]]) -> Mapping[str, Standing]:
        """Return the standing of each person of whom anything was ever kept."""
        ...

    async def evidence(
        self, members: Mapping[str, Collection[str]], standings: Mapping[str, Standing] | None = None
    ) -> Mapping[str, Evidence]:
        """Return all that is kept of each person, voided statements left out."""
        ...

    async def targets(self, organisations: Collection[str]) -> Targets:
        """Return what activities show, by the alignments that each organisation has in force."""
        ...

    async def opted_out(self, members: Mapping[str, Collection[str]]) -> Collection[str]:
        """Return the persons who want nothing inferred."""
        ...

    async def voided_statements(
        self, members: Mapping[str, Collection[str]], organisation: str
    ) -> Mapping[str, Sequence[Statement]]:
        """Return by person the statements of this organisation that are kept and voided."""
        ...


async def effects_of(desk: EffectsDesk, inference: Inference, statements: Sequence[Statement]) -> list[Effect]:
    """Return the effects of these statements of one organisation, as many of the first as one page may fold.

    They come by subject; at least those of the first subject are answered.
    """
    if not statements:
        return []
    people = await desk.people({statement.subject for statement in statements})
    members = {one: people.members(one) for one in people.canonicals(statement.subject for statement in statements)}
    standings = await desk.standings(members)
    asked = _affordable(statements, people, standings)
    chosen = {person: members[person] for person in people.canonicals(statement.subject for statement in asked)}
    opted_out = await desk.opted_out(chosen)
    found = {one.fact: Effect(one, "opted-out", {}, {}) for one in asked if people.canonical(one.subject) in opted_out}
    chosen = {person: ids for person, ids in chosen.items() if person not in opted_out}
    evidence = await desk.evidence(chosen)
    voided = await desk.voided_statements(chosen, asked[0].organisation)
    targets = await desk.targets({*organisations(evidence.values()), asked[0].organisation})
    for person, ids in chosen.items():
        folds = _Folds(inference, targets, ids, evidence[person], voided.get(person, ()))
        own = [statement for statement in asked if people.canonical(statement.subject) == person]
        # In a thread: 5,000 statements, folded twice, take 200 ms and more, and others are served meanwhile.
        found |= await asyncio.to_thread(folds.effects, own)
    return [found[statement.fact] for statement in asked]


def _affordable(
    statements: Sequence[Statement], people: People, standings: Mapping[str, Standing]
) -> Sequence[Statement]:
    spent, known = 0, set[str]()
    for place, statement in enumerate(statements):
        person = people.canonical(statement.subject)
        if person not in known:
            standing = standings.get(person, Standing())
            spent += standing.cost * (2 if standing.has_voidings else 1)
            if known and spent > FOLDED_MAX:
                return statements[:place]
            known.add(person)
    return statements


class _Folds:
    """One person's contributions, by skill and fact: as they are, and as they were with what was voided."""

    def __init__(
        self,
        inference: Inference,
        targets: Targets,
        members: Collection[str],
        evidence: Evidence,
        voided: Sequence[Statement],
    ) -> None:
        self._inference = inference
        self._targets = targets
        self._members = members
        self._evidence = evidence
        self._voided = voided

    def effects(self, statements: Sequence[Statement]) -> dict[str, Effect]:
        """Return the effects of these statements by fact."""
        void = {statement.fact for statement in self._voided}
        standing = _Contributions(self._inference, self._state(self._evidence))
        before = standing
        if void:
            was = Evidence((*self._evidence.statements, *self._voided), self._evidence.reviews)
            before = _Contributions(self._inference, self._state(was))
        found = {}
        for one in statements:
            target = self._targets.get(one.organisation, {}).get(one.activity)
            if target is None:
                found[one.fact] = Effect(one, "not-aligned", {}, {})
            elif one.fact in void:
                found[one.fact] = Effect(one, "voided", {}, before.of(one, target))
            else:
                found[one.fact] = Effect(one, "observed", standing.of(one, target), {})
        return found

    def _state(self, evidence: Evidence) -> PersonState:
        skills = self._inference.framework.skills
        return fold(observations(evidence, self._targets, skills, self._members), self._inference.release)


class _Contributions:
    """What each fact contributes to a skill of one state; each skill is taken apart once it is asked for."""

    def __init__(self, inference: Inference, state: PersonState) -> None:
        self._release = inference.release
        self._state = state
        self._known: dict[str, dict[str, float]] = {}

    def of(self, statement: Statement, target: Target) -> dict[str, float]:
        """Return by skill what the statement contributes; what carries no weight contributes nothing."""
        return {skill: self._of(skill).get(statement.fact, 0.0) for skill, _ in target.skills}

    def _of(self, skill: str) -> dict[str, float]:
        if skill not in self._known:
            seen = self._state.evidence.get(skill)
            self._known[skill] = {} if seen is None or seen.newest_at is None else self._apart(skill, seen.newest_at)
        return self._known[skill]

    def _apart(self, skill: str, newest_at: int) -> dict[str, float]:
        state = self._state
        why = explain(state, skill, self._release, instant_of(newest_at), len(state.steps))
        return {one.fact: one.logits for one in why.top}
