"""Answering why one estimate is what it is, what would hold without some facts, and what will without new ones."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import NamedTuple

from services.skill_inference.domain.estimate import Estimate, Outlook, outlook
from services.skill_inference.domain.explanation import Explanation, explain
from services.skill_inference.domain.fold import fold
from services.skill_inference.domain.revision import presentable
from services.skill_inference.domain.what_if import WhatIf, without
from services.skill_inference.handlers.asking import Seen
from services.skill_inference.handlers.desk import Inference
from shared.kernel.errors import NotFound


class Explained(NamedTuple):
    """One estimate as of its last evidence, with all that moved it. without: None when it was not asked for."""

    estimate: Estimate
    layer: str
    explanation: Explanation
    outlook: tuple[Outlook, ...]
    without: WhatIf | None


async def explained(inference: Inference, seen: Seen, skill: str, left_out: Collection[str]) -> Explained:
    """Return why the person's level in `skill` is what it is. Raises NotFound for a skill of which nothing is said.

    left_out: ids of facts; without them is answered as of the same time, so that nothing but them makes a difference.
    """
    # In a thread: two folds of 5,000 statements take 200 ms, and others are served meanwhile.
    return await asyncio.to_thread(_explained, inference, seen, skill, left_out)


def _explained(inference: Inference, seen: Seen, skill: str, left_out: Collection[str]) -> Explained:
    release = inference.release
    state = fold(seen.observations, release)
    said = presentable(state, release).get(skill)
    if said is None:
        raise NotFound("nothing is said of this person and skill")
    why = explain(state, skill, release, said.as_of, len(state.steps))
    later = outlook(state, skill, release, said.as_of)
    layer = inference.framework.skills[skill].layer
    absent = without(seen.observations, left_out, skill, release, said.as_of) if left_out else None
    return Explained(said, layer, why, later, absent)
