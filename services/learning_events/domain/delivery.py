"""What is remembered of a write request: so much that its sender can see what became of it, and mend what was refused.

Faults name places and rules, never values. The refused items themselves are personal data: they are kept for a short
time, up to a bound, and emptied by any erasure, because nobody can say whom an item is about that is not valid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from services.learning_events.domain.refused_items import Errors
from shared.kernel.errors import Fault

FAULTS_MAX: Final = 20
"""Faults told of a delivery in lists; the refused items tell their own."""
FAULT_CHARACTERS_MAX: Final = 300
"""Of pointer, rule and mend each, in the log: with them a row has about 20 KB at most, beside its refused items."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A write request of a key, and what became of it. refused: JSON of the items to be mended; None where none are.

    method: of HTTP, or gRPC. counts: items by outcome; of a request that was refused whole none. milliseconds: from its
    arrival to its answer. resent_at: when the last refused item was taken after all. times: how many requests this
    stands for; more than one only where a key failed again and again.
    """

    id: str
    organisation: str
    is_test: bool
    key: str
    received_at: datetime
    method: str
    path: str
    status: int
    request_id: str
    version: str
    body_bytes: int
    milliseconds: int
    counts: Mapping[str, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    refused: bytes | None = None
    resent_at: datetime | None = None
    times: int = 1


def errors_by_item(faults: Sequence[Fault], base: str = "") -> Errors:
    """Return the faults of a request that was refused whole by the index of their item; pointers begin at the item.

    base: where the items stand. What is wrong with a header, the query or an envelope is no item's fault, and left out.
    """
    found: dict[int, list[Mapping[str, str]]] = {}
    for fault in faults:
        if not fault.pointer.startswith(f"{base}/") and (base or fault.pointer):
            continue
        place = fault.pointer.removeprefix(base)
        head, _, rest = place.removeprefix("/").partition("/")
        index, pointer = (int(head), f"/{rest}" if rest else "") if _is_index(head) else (0, place)
        found.setdefault(index, []).append({"pointer": pointer, "rule": fault.rule, "mend": fault.mend})
    return found


def _is_index(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 7
