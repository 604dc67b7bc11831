"""Fresh identifiers, handed in so that tests decide what they are."""

from __future__ import annotations

from typing import Protocol

from shared.kernel.ids import FactId


class Mint(Protocol):
    """Makes identifiers that nobody had before."""

    def id(self, kind: str) -> str:
        """Return a fresh identifier of this kind."""
        ...

    def fact_id(self) -> FactId:
        """Return a fresh fact id."""
        ...
