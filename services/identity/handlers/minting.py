"""Where ids and secrets come from; handed in, so that a test decides what they are."""

from __future__ import annotations

from typing import Protocol

from services.identity.domain.facts import Occasion
from shared.kernel.clock import Clock
from shared.kernel.ids import FactId


class Mint(Protocol):
    """Makes what must be fresh."""

    def id(self, kind: str) -> str:
        """Return a fresh identifier of a kind in shared.kernel.ids.PREFIXES, or of the kinds "link" and "persona"."""
        ...

    def fact_id(self) -> FactId:
        """Return a fresh fact id."""
        ...

    def random_bytes(self, count: int) -> bytes:
        """Return `count` bytes that nobody can guess."""
        ...


def occasion(clock: Clock, mint: Mint) -> Occasion:
    """Return the present moment, with a source of fact ids."""
    return Occasion(clock.now(), mint.fact_id)
