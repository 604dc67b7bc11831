"""Appending to a stream: events become leaves, the stream gets one new head for all of them.

Leaf layouts are in `shared/kernel/record_leaf.py`. What the service keeps of an entry besides its leaf (salts and
canonical event) is all that erasure has to delete: the leaf that stays is then indistinguishable from random bytes, and
no proof of any other entry changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

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

ENTRY_RANDOM_SIZE: Final = KIND_SALT_SIZE + EVENT_SALT_SIZE
"""Random bytes an entry takes."""
HEAD_RANDOM_SIZE: Final = BLIND_SIZE + TAG_SIZE
"""Random bytes a head takes."""


class Entry(NamedTuple):
    """One event in a stream. `event`, `kind_salt` and `event_salt` are secret until the holder opens the entry."""

    index: int  # type: ignore[assignment]  # a tuple's own method of this name is not wanted
    event: RecordEvent
    kind_salt: bytes
    event_salt: bytes
    leaf: bytes


class Head(NamedTuple):
    """A version of the stream. `leaf` is public; `blind` and `next_tag` are secret until the next head is published."""

    leaf: bytes
    size: int
    blind: bytes
    next_tag: bytes


class Appended(NamedTuple):
    """What one append gives: rows to store (`nodes` of the stream's tree), the head to log, the next state."""

    entries: tuple[Entry, ...]
    nodes: tuple[tuple[Node, bytes], ...]
    head: Head
    state: StreamState


def append(state: StreamState, events: Sequence[RecordEvent], random_bytes: RandomBytes) -> Appended:
    """Return the stream with `events` appended in this order, under one new head leaf.

    random_bytes: a cryptographic source, asked once; each entry takes fresh salts, the head a fresh blind and next tag.
    Not checked: whether an event is in the stream already, which is the consumer's position to know. Raises ValueError
    for no events: a head that says nothing new would spend a tag.
    """
    if not events:
        raise ValueError("an append holds at least one event")
    salts_size = len(events) * ENTRY_RANDOM_SIZE
    drawn = random_bytes(salts_size + HEAD_RANDOM_SIZE)
    entries = _entries(state.frontier.size, events, drawn)
    frontier, nodes = state.frontier.extend([leaf_hash(entry.leaf) for entry in entries])
    blind, next_tag = drawn[salts_size : salts_size + BLIND_SIZE], drawn[salts_size + BLIND_SIZE :]
    leaf = HeadLeaf(state.next_tag, frontier.size, frontier.root(), tag_commitment(blind, next_tag)).encode()
    return Appended(
        entries=entries,
        nodes=nodes,
        head=Head(leaf, frontier.size, blind, next_tag),
        state=StreamState(state.person, state.name, frontier, next_tag),
    )


def _entries(first: int, events: Sequence[RecordEvent], drawn: bytes) -> tuple[Entry, ...]:
    """Return the entries from index `first` on; each cuts its two salts from what was drawn, no byte twice."""
    entries = []
    for place, event in enumerate(events):
        start = place * ENTRY_RANDOM_SIZE
        kind_salt = drawn[start : start + KIND_SALT_SIZE]
        event_salt = drawn[start + KIND_SALT_SIZE : start + ENTRY_RANDOM_SIZE]
        leaf = event_leaf(kind_salt, event.kind, event_salt, event.canonical)
        entries.append(Entry(first + place, event, kind_salt, event_salt, leaf))
    return tuple(entries)
