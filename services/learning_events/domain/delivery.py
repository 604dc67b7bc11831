"""What is remembered of a write request: so much that its sender can see what became of it, and mend what was refused.

Faults name places and rules, never values. The refused items themselves are personal data: they are kept for a short
time, up to a bound, and emptied by any erasure, because nobody can say whom an item is about that is not valid.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from services.learning_events.domain.batch import STATEMENTS_MAX
from shared.kernel import canonical_json
from shared.kernel.errors import Fault, Rejected

FAULTS_MAX: Final = 20
"""Faults told of a delivery in lists; the refused items tell their own."""
ITEMS_BYTES_MAX: Final = 256 << 10
"""Bytes of refused items kept of one delivery; of a request with more none is kept, and its sender has them."""
Errors = Mapping[int, Sequence[Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A write request of a key, and what became of it. refused: JSON of the items to be mended; None where none are.

    counts: items by outcome; of a request that was refused whole none. milliseconds: from its arrival to its answer.
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


def refused_items(raw: bytes, errors: Errors, *, is_whole: bool) -> bytes | None:
    """Return JSON of the items that were not taken, each with its index and errors; None where they are not to be kept.

    is_whole: the request was refused whole, so that all its items are; else those that `errors` name.
    """
    try:
        value: Any = canonical_json.loads(raw, bytes_max=len(raw))
    except Rejected:
        return None
    items = value if isinstance(value, list) else [value]
    wanted = [index for index in range(len(items)) if is_whole or index in errors]
    if len(wanted) > STATEMENTS_MAX:
        return None
    told = [{"index": index, "item": items[index], "errors": list(errors.get(index, ()))} for index in wanted]
    content = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    return content if len(content) <= ITEMS_BYTES_MAX else None


def errors_by_item(faults: Sequence[Fault]) -> Errors:
    """Return the faults of a request that was refused whole by the index of their item; pointers begin at the item.

    What is wrong with a header or the query is no item's fault, and left out.
    """
    found: dict[int, list[Mapping[str, str]]] = {}
    for fault in faults:
        if fault.pointer and not fault.pointer.startswith("/"):
            continue
        head, _, rest = fault.pointer.removeprefix("/").partition("/")
        index, pointer = (int(head), f"/{rest}" if rest else "") if _is_index(head) else (0, fault.pointer)
        found.setdefault(index, []).append({"pointer": pointer, "rule": fault.rule, "mend": fault.mend})
    return found


def mended(refused: Sequence[Mapping[str, Any]], changes: Mapping[int, Any]) -> list[tuple[int, Any]]:
    """Return the refused items, with those that were mended in place of what was sent. Raises Rejected for others."""
    known = {int(one["index"]) for one in refused}
    for place, index in enumerate(changes):
        if index not in known:
            rule = "no refused item of this delivery has this index"
            raise Rejected.of(f"/items/{place}/index", rule, "Name an index that the delivery tells.")
    return [(int(one["index"]), changes.get(int(one["index"]), one["item"])) for one in refused]


def _is_index(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 7
