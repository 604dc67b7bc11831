"""The refused items of one delivery, from their refusal until each was taken after all.

An item that was taken leaves nothing but what became of it: that is what makes sending again safe, however often.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal, Self

from services.learning_events.domain.item_result import ItemResult, as_errors
from shared.kernel import canonical_json
from shared.kernel.clock import rfc3339
from shared.kernel.errors import Conflict, Fault, NotFound, Rejected, TooLarge

ITEMS_BYTES_MAX: Final = 256 << 10
"""Bytes of refused items kept of one delivery; of a request with more none is kept, and its sender has them."""
Form = Literal["xapi", "cloudevents", "caliper", "any"]
"""How the items are read; any: each says itself what it is."""
Errors = Mapping[int, Sequence[Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """item: as JSON, as it was sent or mended; text where it was no JSON; None once it was taken.

    resent: at, outcome, id and the SHA-256 of the item's canonical form, once it was taken.
    """

    index: int
    item: Any
    errors: tuple[Mapping[str, str], ...] = ()
    is_mended: bool = False
    resent: Mapping[str, Any] | None = None

    def is_like(self, item: Any) -> bool:
        """Say whether it is this item, or was when it was taken."""
        return bool(self.item == item if self.resent is None else self.resent["sha256"] == _digest(item))

    def as_told(self) -> dict[str, Any]:
        """Return it as it is kept and answered."""
        told: dict[str, Any] = {"index": self.index, "item": self.item, "errors": list(self.errors)}
        if self.is_mended:
            told["is_mended"] = True
        return told if self.resent is None else {**told, "resent": dict(self.resent)}


@dataclass(frozen=True, slots=True)
class RefusedItems:
    """envelope: of Caliper, without its data. entities: what came with the items and is named in them (Caliper)."""

    form: Form
    items: tuple[RefusedItem, ...]
    envelope: Mapping[str, Any] = field(default_factory=dict)
    entities: tuple[Any, ...] = ()

    @classmethod
    def loads(cls, content: bytes) -> Self:
        """Return what `dumps` wrote."""
        told = json.loads(content)
        parts: dict[str, Any] = {"form": "xapi", "items": told} if isinstance(told, list) else told
        items = [RefusedItem(**{**one, "errors": tuple(one["errors"])}) for one in parts["items"]]
        return cls(parts["form"], tuple(items), parts.get("envelope", {}), tuple(parts.get("entities", ())))

    def dumps(self) -> bytes | None:
        """Return JSON of all of it; None where that is more than is kept."""
        told: dict[str, Any] = {"form": self.form, "items": [one.as_told() for one in self.items]}
        if self.envelope:
            told["envelope"] = dict(self.envelope)
        if self.entities:
            told["entities"] = list(self.entities)
        content = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
        return content if len(content) <= ITEMS_BYTES_MAX else None

    @property
    def pending(self) -> list[RefusedItem]:
        """Those that were not taken yet."""
        return [one for one in self.items if one.resent is None]

    def item(self, index: int) -> RefusedItem:
        """Return the item to be mended. Raises NotFound where none of this index was refused, Conflict once taken."""
        found = next((one for one in self.items if one.index == index), None)
        if found is None:
            raise NotFound("No refused item of this delivery has this index. GET the delivery to see which have.")
        if found.resent is not None:
            rule = f"the item was sent again and is {found.resent['outcome']}"
            raise Conflict.of("index", rule, "Send a new event, or void this one.")
        return found

    def with_mended(self, index: int, item: Any, faults: Sequence[Fault]) -> Self:
        """Return them with this item in the place of what was sent. faults: what is wrong with it still.

        Raises NotFound, Conflict, and TooLarge where all of them together would not be kept.
        """
        self.item(index)
        mended = RefusedItem(index, item, tuple(as_errors(faults)), is_mended=True)
        return self._replaced({index: mended})

    def _replaced(self, mended: Mapping[int, RefusedItem]) -> Self:
        """Return them with these in place of those of their indexes. Raises TooLarge."""
        changed = replace(self, items=tuple(mended.get(one.index, one) for one in self.items))
        if changed.dumps() is None:
            rule = f"the refused items of one delivery have at most {ITEMS_BYTES_MAX} bytes together"
            raise TooLarge.of("", rule, "Send the event anew instead of mending it here.")
        return changed

    def with_changes(self, changes: Mapping[int, Any], envelope: Mapping[str, Any] | None) -> Self:
        """Return them with these mended ones, and the envelope's members, in place of what was sent.

        What was taken as it is named here stays so. Raises Rejected for an index that none has and for an envelope
        where there is none; as `with_mended` does.
        """
        known = {one.index: one for one in self.items}
        mended: dict[int, RefusedItem] = {}
        for place, (index, item) in enumerate(changes.items()):
            if index not in known:
                rule = "no refused item of this delivery has this index"
                raise Rejected.of(f"/items/{place}/index", rule, "Name an index that the delivery tells.")
            if not known[index].is_like(item):
                self.item(index)
                mended[index] = RefusedItem(index, item, is_mended=True)
        changed = self._replaced(mended) if mended else self
        if envelope is None:
            return changed
        if self.form != "caliper" or not self.envelope:
            raise Rejected.of("/envelope", "what was sent had no envelope of Caliper", "Leave it out.")
        return replace(changed, envelope={**changed.envelope, **envelope})

    def with_results(self, results: Sequence[ItemResult], at: datetime) -> Self:
        """Return them after they were sent again: what was taken is marked and let go, the others tell why not."""
        by_index = {result.index: result for result in results}
        return replace(self, items=tuple(_settled(one, by_index.get(one.index), at) for one in self.items))


def _settled(one: RefusedItem, result: ItemResult | None, at: datetime) -> RefusedItem:
    if result is None or one.resent is not None:
        return one
    if not result.is_taken:
        return replace(one, errors=tuple(as_errors(result.faults)))
    resent = {"at": rfc3339(at), "outcome": result.outcome, "id": result.id, "sha256": _digest(one.item)}
    return RefusedItem(one.index, None, is_mended=one.is_mended, resent=resent)


def _digest(item: Any) -> str:
    return canonical_json.digest(item).hex()
