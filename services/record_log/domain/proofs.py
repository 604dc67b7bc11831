"""What a holder shows of their record: an opened entry, its place in the stream, the stream's head in the log.

`record_proof` gives the member `record` of a presentation file, the only form in which openings leave the service:

    event        the canonical event, as JSON
    kind_salt    base64, 16 bytes        event_salt   base64, 32 bytes
    index        place of the entry in its stream, from 0
    path         base64 sibling hashes from the entry upward, in the stream at the size its head tells
    head         base64, the 105 bytes of the head leaf
    log_proof    C2SP tlog-proof text of the head leaf, with the signed checkpoint in it

Salts of other entries, blinds and next tags never appear: with a next tag, its reader could watch the person's stream
grow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.record_log.domain.event import RecordEvent
from services.record_log.domain.stream import Entry
from shared.kernel import canonical_json
from shared.kernel.errors import Broken
from shared.kernel.merkle import Fetch, fold
from shared.kernel.record_leaf import HeadLeaf, event_leaf
from shared.kernel.signed_note import encode_base64
from shared.kernel.tree_shape import plan_inclusion


@dataclass(frozen=True, slots=True)
class Opening:
    """All that opens one entry: whoever holds it can show what the leaf stands for."""

    index: int
    event: RecordEvent
    kind_salt: bytes
    event_salt: bytes


def open_entry(entry: Entry) -> Opening:
    """Return the opening of an entry. Raises Broken when it does not open the entry's leaf, so that none is sent."""
    if event_leaf(entry.kind_salt, entry.event.kind, entry.event_salt, entry.event.canonical) != entry.leaf:
        raise Broken(f"the salts and the event of entry {entry.index} do not open its leaf")
    return Opening(entry.index, entry.event, entry.kind_salt, entry.event_salt)


def stream_path(index: int, head_leaf: bytes, fetch: Fetch) -> tuple[bytes, ...]:
    """Return the hashes from entry `index` to the root that `head_leaf` tells.

    fetch: gives a perfect node of the stream's tree. Raises Rejected when the head is older than the entry.
    """
    return fold(plan_inclusion(index, HeadLeaf.decode(head_leaf).size), fetch)


def record_proof(opening: Opening, path: tuple[bytes, ...], head_leaf: bytes, log_proof: str) -> dict[str, Any]:
    """Return the member `record` of a presentation, as told at the head of this module."""
    return {
        "event": canonical_json.loads(opening.event.canonical),
        "kind_salt": encode_base64(opening.kind_salt),
        "event_salt": encode_base64(opening.event_salt),
        "index": opening.index,
        "path": [encode_base64(sibling) for sibling in path],
        "head": encode_base64(head_leaf),
        "log_proof": log_proof,
    }
