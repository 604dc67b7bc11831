"""Shows what was delivered, and has what was refused of it mended and taken in after all.

What is sent again is read as it came first: in its form, in its envelope, as of the time of its delivery. It is stored
before it is marked, so that a crash in between leaves it to be sent once more, when it is a duplicate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from services.learning_events.domain.arrival import Writer
from services.learning_events.domain.delivery import Delivery
from services.learning_events.domain.item_result import ItemResult
from services.learning_events.domain.read_again import faults_of, read_again
from services.learning_events.domain.refused_items import RefusedItem, RefusedItems
from services.learning_events.domain.statement import XapiVersion
from services.learning_events.handlers.delivering import Deliveries, OpenDelivery
from services.learning_events.handlers.ports import Reader
from services.learning_events.handlers.publishing import Publishing
from shared.kernel.errors import NotFound

Found = TypeVar("Found")


class Resending:
    """The use cases of a platform that looks at what it sent."""

    def __init__(self, store: Deliveries, publishing: Publishing) -> None:
        self._store = store
        self._publishing = publishing

    async def page(self, reader: Reader, before: str | None, limit: int, *, are_refused: bool) -> list[Delivery]:
        """Return deliveries before this one, or the newest; newest first."""
        return await self._store.before(reader, before, limit, are_refused=are_refused)

    async def delivery(self, reader: Reader, delivery_id: str) -> Delivery:
        """Return the delivery. Raises NotFound."""
        return _there(await self._store.find(reader, delivery_id))

    async def mend(
        self,
        reader: Reader,
        delivery_id: str,
        index: int,
        change: Callable[[Any], Any],
        version_of: Callable[[Delivery], XapiVersion],
    ) -> RefusedItem:
        """Have a refused item stand as `change` returns it, and return it with what is wrong with it still.

        Nothing is stored or sent by that. Raises NotFound, Conflict where it was sent again already, TooLarge, and as
        `change` does.
        """
        async with self._opened(reader, delivery_id) as opened:
            one, refused = _kept(opened)
            changed = replace(refused.item(index), item=change(refused.item(index).item))
            (reading,) = read_again(refused, [changed], one.id, one.received_at, version_of(one))
            mended = refused.with_mended(index, changed.item, faults_of(reading))
            await _there(opened).keep(mended.dumps() or b"", one.resent_at)
        return mended.item(index)

    async def resend(
        self,
        writer: Writer,
        reader: Reader,
        delivery_id: str,
        changes: Mapping[int, Any],
        envelope: Mapping[str, Any] | None,
        version_of: Callable[[Delivery], XapiVersion],
        at: datetime,
    ) -> list[ItemResult]:
        """Have stored what is good now of a delivery's refused items, and marked; each result has its item's index.

        changes: mended ones by index; the others go as they are kept. What was taken before is not sent again: its
        result is that of then. Raises Rejected, NotFound, Conflict, Unavailable.
        """
        one = await self.delivery(reader, delivery_id)
        refused = _items(one).with_changes(changes, envelope)
        pending = refused.pending
        readings = read_again(refused, pending, one.id, one.received_at, version_of(one))
        published = await self._publishing.publish(writer, readings, _as_read, at, version_of(one))
        results = [replace(result, index=pending[result.index].index) for result in published]
        await self._mark(reader, delivery_id, changes, envelope, results, at)
        before = [_as_before(item) for item in refused.items if item.resent is not None]
        return sorted([*results, *before], key=lambda result: result.index)

    async def _mark(
        self,
        reader: Reader,
        delivery_id: str,
        changes: Mapping[int, Any],
        envelope: Mapping[str, Any] | None,
        results: Sequence[ItemResult],
        at: datetime,
    ) -> None:
        """Have noted what became of each; nothing where the delivery is gone meanwhile, or emptied by an erasure."""
        async with self._opened(reader, delivery_id) as opened:
            if opened is None or opened.delivery.refused is None:
                return
            kept = RefusedItems.loads(opened.delivery.refused)
            open_indexes = {item.index for item in kept.pending}
            news = {index: item for index, item in changes.items() if index in open_indexes}
            marked = kept.with_changes(news, envelope).with_results(results, at)
            content = marked.dumps()
            if content is not None:
                await opened.keep(content, None if marked.pending else at)

    def _opened(self, reader: Reader, delivery_id: str) -> AbstractAsyncContextManager[OpenDelivery | None]:
        return self._store.changing(reader, delivery_id)


def _there(found: Found | None) -> Found:
    if found is None:
        raise NotFound("There is no such delivery, none that is still kept, or none that this key may read.")
    return found


def _kept(opened: OpenDelivery | None) -> tuple[Delivery, RefusedItems]:
    one = _there(opened).delivery
    return one, _items(one)


def _items(one: Delivery) -> RefusedItems:
    if one.refused is None:
        raise NotFound("Nothing of this delivery is kept to be sent again: its sender has it.")
    return RefusedItems.loads(one.refused)


def _as_read(reading: Any, index: int) -> Any:
    return reading


def _as_before(item: RefusedItem) -> ItemResult:
    resent = item.resent or {}
    return ItemResult(item.index, str(resent["outcome"]), str(resent["id"]))
