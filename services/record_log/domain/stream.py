"""Appending to a stream: events become leaves, the stream gets one new head for all of them.

Leaf layouts are in `shared/kernel/record_leaf.py`. What the service keeps of an entry besides its leaf (salts and
canonical event) is all that erasure has to delete: the leaf that stays is then indistinguishable from random bytes, and
no proof of any other entry changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.record_log.domain.event import RecordEvent
from services.record_log.domain.opening import StreamState
from shared.kernel.ids import RandomBytes
from shared.kernel.merkle import leaf_hash
from shared.kernel.record_leaf import (
    BLIND_SIZE,
    EVENT_SALT_SIZE,
    KIND_SALT_SIZE,
    TAG_SIZE,
    HeadLeaf,
    event_leaf,
    tag_commitment,
)
from shared.kernel.tree_shape import Node


@dataclass(frozen=True, slots=True)
class Entry:
    """One event in a stream. `event`, `kind_salt` and `event_salt` are secret until the holder opens the entry."""

    index: int
    event: RecordEvent
    kind_salt: bytes
    event_salt: bytes
    leaf: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """A version of the stream. `leaf` is public; `blind` and `next_tag` are secret until the next head is published."""

    leaf: bytes
    size: int
    blind: bytes
    next_tag: bytes


@dataclass(frozen=True, slots=True)
class Appended:
    """What one append gives: rows to store (`nodes` of the stream's tree), the head to log, the next state."""

    entries: tuple[Entry, ...]
    nodes: tuple[tuple[Node, bytes], ...]
    head: Head
    state: StreamState


def append(state: StreamState, events: Sequence[RecordEvent], random_bytes: RandomBytes) -> Appended:
    """Return the stream with `events` appended in this order, under one new head leaf.

    random_bytes: a cryptographic source; each entry takes fresh salts, the head a fresh blind and next tag. Not
    checked: whether an event is in the stream already, which is the consumer's position to know. Raises ValueError for
    no events: a head that says nothing new would spend a tag.
    """
    if not events:
        raise ValueError("an append holds at least one event")
    entries = tuple(_entry(state.frontier.size + place, event, random_bytes) for place, event in enumerate(events))
    frontier, nodes = state.frontier.extend(leaf_hash(entry.leaf) for entry in entries)
    blind, next_tag = random_bytes(BLIND_SIZE), random_bytes(TAG_SIZE)
    leaf = HeadLeaf(state.next_tag, frontier.size, frontier.root(), tag_commitment(blind, next_tag)).encode()
    return Appended(
        entries=entries,
        nodes=nodes,
        head=Head(leaf, frontier.size, blind, next_tag),
        state=replace(state, frontier=frontier, next_tag=next_tag),
    )


def _entry(index: int, event: RecordEvent, random_bytes: RandomBytes) -> Entry:
    kind_salt, event_salt = random_bytes(KIND_SALT_SIZE), random_bytes(EVENT_SALT_SIZE)
    leaf = event_leaf(kind_salt, event.kind, event_salt, event.canonical)
    return Entry(index, event, kind_salt, event_salt, leaf)
