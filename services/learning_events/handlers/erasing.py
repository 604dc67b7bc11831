"""Takes a person out of the world: out of every table that says anything about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Erasable(Protocol):
    """A store that keeps something about people."""

    async def erase(self, person: str) -> None:
        """Have nothing left that says anything about this person. Safe to repeat."""
        ...


async def erase_everywhere(stores: Sequence[Erasable], person: str) -> None:
    """Have nothing left about the person in any of the stores, one after the other. Safe to repeat.

    Ids of statements stay, so that one that is sent again is not stored again. An alias is a person of its own here.
    """
    for store in stores:
        await store.erase(person)
