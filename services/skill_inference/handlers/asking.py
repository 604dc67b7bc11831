"""Answering what is said of a person now, with every contribution to it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from services.skill_inference.domain.estimate import Estimate
from services.skill_inference.domain.explanation import Explanation, explain
from services.skill_inference.domain.fold import fold
from services.skill_inference.domain.observation import Observation
from services.skill_inference.domain.reading import observations, organisations
from services.skill_inference.domain.revision import presentable
from services.skill_inference.handlers.desk import Desk, Inference

CONTRIBUTIONS_MAX: Final = 4_000
"""Contributions to one estimate that are answered one by one; 20 skills of them stay below a message's 8 MiB."""


class Said(NamedTuple):
    """An estimate, the layer of its skill, and what contributed to it."""

    estimate: Estimate
    layer: str
    explanation: Explanation


class Seen(NamedTuple):
    """All that was observed of `person`, who stands for themselves, under the alignments in force.

    is_opted_out: they want nothing inferred; nothing is read of them then. told_by: organisations that told statements.
    """

    person: str
    observations: list[Observation]
    is_opted_out: bool = False
    told_by: Collection[str] = frozenset()


async def seen_of(desk: Desk, inference: Inference, person: str) -> Seen:
    """Return what was observed of a person; of an alias, of whom it is part of. Nothing of a stranger."""
    people = await desk.people([person])
    canonical = people.canonical(person)
    members = people.members(canonical)
    if await desk.opted_out({canonical: members}):
        return Seen(canonical, [], is_opted_out=True)
    evidence = (await desk.evidence({canonical: members}))[canonical]
    told_by = organisations([evidence])
    targets = await desk.targets(told_by)
    return Seen(canonical, observations(evidence, targets, inference.framework.skills, members), told_by=told_by)


async def estimates_of(desk: Desk, inference: Inference, person: str) -> list[Said] | None:
    """Return what is said of a person now, by skill; of an alias, what is said of whom it is part of.

    None when the person opted out: nothing is inferred then, not even to be thrown away.
    """
    seen = await seen_of(desk, inference, person)
    if seen.is_opted_out:
        return None
    skills, release = inference.framework.skills, inference.release
    state = fold(seen.observations, release)
    return [
        Said(said, skills[skill].layer, explain(state, skill, release, said.as_of, CONTRIBUTIONS_MAX))
        for skill, said in presentable(state, release).items()
    ]
