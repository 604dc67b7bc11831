"""Answering what lies between a person and a role, and which evidence would bring them nearest to it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from services.skill_inference.domain.fold import fold
from services.skill_inference.domain.gap import Gap, gap
from services.skill_inference.domain.next_evidence import Proposal, proposals
from services.skill_inference.domain.roles import Role
from services.skill_inference.handlers.asking import Seen
from services.skill_inference.handlers.desk import Inference
from shared.kernel.errors import NotFound


class Comparing:
    """The use cases. roles: by id."""

    def __init__(self, roles: Mapping[str, Role]) -> None:
        self._roles = roles

    def role(self, name: str) -> Role:
        """Return the role of this id. Raises NotFound."""
        if name not in self._roles:
            raise NotFound(f"there is no such role; there are {', '.join(self._roles)}")
        return self._roles[name]

    async def gap(self, inference: Inference, seen: Seen, role: Role) -> Gap:
        """Return what lies between the person and the role now."""
        return await asyncio.to_thread(_gap, inference, seen, role)

    async def proposals(self, inference: Inference, seen: Seen, role: Role) -> tuple[Gap, tuple[Proposal, ...]]:
        """Return the gap as it is, and what would help most first."""
        # In a thread: it folds the person's evidence dozens of times.
        return await asyncio.to_thread(_proposals, inference, seen, role)


def _gap(inference: Inference, seen: Seen, role: Role) -> Gap:
    state = fold(seen.observations, inference.release)
    rule, now = inference.rules.standard, inference.clock.now()
    return gap(state, role, inference.framework, inference.release, rule, now)


def _proposals(inference: Inference, seen: Seen, role: Role) -> tuple[Gap, tuple[Proposal, ...]]:
    now = _gap(inference, seen, role)
    rule, framework = inference.rules.standard, inference.framework
    return now, proposals(seen.observations, role, framework, inference.release, rule, now.as_of)
