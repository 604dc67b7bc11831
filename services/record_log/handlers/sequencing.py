"""Heads take their places in the log, and the log signs what it is.

Apart from recording, because the log has one writer and the streams have many: a head waits until the next round, and
no transaction that hears facts ever waits for the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from services.record_log.domain.global_log import Extended, checkpoint, extend
from shared.events.fact import NewFact
from shared.events.record_checkpoints import CheckpointPublished
from shared.kernel.errors import Broken
from shared.kernel.hashing import digest_text
from shared.kernel.ids import FactId
from shared.kernel.merkle import Frontier
from shared.kernel.signed_note import VerifierKey
from shared.kernel.signing import Signer

HEADS_AT_ONCE: Final = 500
"""Heads that take their places in one transaction, which must stay short."""


@dataclass(frozen=True, slots=True)
class WaitingHead:
    """A head without a place in the log."""

    id: int
    leaf: bytes


@dataclass(frozen=True, slots=True)
class LogState:
    """The log as it is stored. checkpoint_size: of the checkpoint signed last, None before the first."""

    origin: str
    vkey: str
    frontier: Frontier
    checkpoint_size: int | None


class LogBook(Protocol):
    """The log in one open transaction, of which there is one at a time in the whole house."""

    async def state(self) -> LogState | None:
        """Return the log's state; None before it was begun."""
        ...

    async def begin(self, state: LogState) -> None:
        """Store the state of a log that begins."""
        ...

    async def waiting(self, limit: int) -> Sequence[WaitingHead]:
        """Return the heads that wait, in the order they came; of one stream, the older first."""
        ...

    async def place(self, heads: Sequence[WaitingHead], extended: Extended) -> None:
        """Store that these heads have their places, and the log that holds them."""
        ...

    async def publish(self, size: int, note: str, fact: NewFact) -> None:
        """Store `note` as the log's checkpoint and tell it."""
        ...


class GlobalLog(Protocol):
    """Opens the log for its one writer."""

    def opened(self, origin: str) -> AbstractAsyncContextManager[LogBook]:
        """Open a transaction that holds the log of this origin alone."""
        ...


async def begin_log(log: GlobalLog, origin: str, signer: Signer) -> str:
    """Have the log begun, and return its origin: the one it was begun with, or `origin` now.

    Raises Broken when the signer's key is not the one it was begun with: who pinned that would see another log.
    """
    async with log.opened(origin) as book:
        state = await book.state()
        if state is None:
            await book.begin(LogState(origin, str(VerifierKey(origin, signer.public_key)), Frontier(), None))
            return origin
    if state.vkey != str(VerifierKey(state.origin, signer.public_key)):
        raise Broken("the log was begun with another key; put the file log.pem back from a backup")
    return state.origin


async def place_heads(log: GlobalLog, origin: str, limit: int = HEADS_AT_ONCE) -> int:
    """Give up to `limit` waiting heads their places in the log and return how many; durable on return."""
    async with log.opened(origin) as book:
        heads = await book.waiting(limit)
        state = await book.state()
        if heads and state is not None:
            await book.place(heads, extend(state.frontier, [head.leaf for head in heads]))
    return len(heads)


async def publish_checkpoint(log: GlobalLog, origin: str, signer: Signer, now: datetime, fact_id: FactId) -> bool:
    """Sign, store and tell a checkpoint if the log grew since the last one, or has none; return whether it did.

    All that is signed was committed by `place_heads` before, and the log is held meanwhile: so every checkpoint grows
    from the one before it.
    """
    async with log.opened(origin) as book:
        state = await book.state()
        if state is None or state.frontier.size == state.checkpoint_size:
            return False
        size, root = state.frontier.size, state.frontier.root()
        note = checkpoint(origin, state.frontier, signer)
        told = CheckpointPublished(origin=origin, size=size, root=digest_text(root), note=note)
        await book.publish(size, note, told.fact(fact_id, origin, now))
    return True
