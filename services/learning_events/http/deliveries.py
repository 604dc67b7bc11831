"""The delivery log: what each write request of a key came to, and how what was refused is mended and sent again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from services.learning_events.domain.batch import STATEMENTS_MAX
from services.learning_events.domain.delivery import Delivery
from services.learning_events.domain.formats import is_uuid
from services.learning_events.domain.item_result import as_answer
from services.learning_events.domain.json_patch import patched
from services.learning_events.domain.refused_items import ITEMS_BYTES_MAX, RefusedItems
from services.learning_events.domain.statement import XapiVersion
from services.learning_events.handlers.resending import Resending
from services.learning_events.http.mounts import (
    JSON,
    KEYS,
    MOUNTS,
    READ,
    VERSION_HEADER,
    WRITE,
    only,
    reader,
    version_of,
    writer,
)
from shared.kernel.clock import Clock, rfc3339
from shared.kernel.errors import NotFound, Rejected
from shared.runtime.http import Call, Endpoint, Reply, endpoint
from shared.runtime.pages import decode_cursor, encode_cursor, page, page_limit

PATCH: Final = frozenset({"application/json-patch+json"})
ENVELOPE_MEMBERS: Final = frozenset({"sensor", "sendTime", "dataVersion"})
_CURSOR: Final = "deliveries"


class MendedItem(BaseModel):
    """A refused item as it is now. index: as the delivery tells it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    index: int = Field(ge=0)
    item: Any


class MendedItems(BaseModel):
    """What was mended; what is not named goes as it is kept. envelope: members of Caliper's that are others now."""

    model_config = ConfigDict(extra="forbid", strict=True)

    items: list[MendedItem] = Field(default_factory=list, max_length=STATEMENTS_MAX)
    envelope: dict[str, Any] | None = None


class DeliveriesDoor:
    """Reads the log, and takes what was mended."""

    def __init__(self, resending: Resending, clock: Clock) -> None:
        self._resending = resending
        self._clock = clock

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        item = "/v1/deliveries/{id}/items/{index}"
        return [
            endpoint("GET", "/v1/deliveries", self.list_deliveries, scopes=READ, kinds=KEYS),
            endpoint("POST", "/v1/deliveries/{id}:resend", self.resend, scopes=WRITE, kinds=KEYS),
            endpoint("PUT", item, self.put_item, scopes=WRITE, kinds=KEYS),
            endpoint("PATCH", item, self.patch_item, scopes=WRITE, kinds=KEYS),
            endpoint("GET", "/v1/deliveries/{id}", self.get, scopes=READ, kinds=KEYS),
        ]

    async def list_deliveries(self, call: Call) -> Reply:
        """Answer with what was sent, newest first; a key that reads only its own sees its own."""
        only(call.query, frozenset({"cursor", "limit", "refused"}))
        cursor = decode_cursor(_CURSOR, call.query, str)
        before = None if cursor is None else _known_id(str(cursor[0]))
        limit, are_refused = page_limit(call.query), _flag(call.query.get("refused"))
        found = await self._resending.page(reader(call), before, limit + 1, are_refused=are_refused)
        token = encode_cursor(_CURSOR, (found[limit - 1].id,)) if len(found) > limit else None
        return Reply.json(page([as_delivery(one) for one in found[:limit]], token))

    async def get(self, call: Call) -> Reply:
        """Answer with a delivery and the items of it that were refused."""
        only(call.query, frozenset())
        one = await self._resending.delivery(reader(call), _known_id(call.path["id"]))
        if one.refused is None:
            return Reply.json({**as_delivery(one), "refused": None})
        kept = RefusedItems.loads(one.refused)
        told: dict[str, Any] = {**as_delivery(one), "refused": [each.as_told() for each in kept.items]}
        if kept.envelope:
            told["envelope"] = dict(kept.envelope)
        return Reply.json(told)

    async def put_item(self, call: Call) -> Reply:
        """Have a refused item stand as it is sent now; answer with what is wrong with it still. Nothing is stored."""
        mended = await call.json(ITEMS_BYTES_MAX, JSON)
        return await self._mended(call, lambda item: mended)

    async def patch_item(self, call: Call) -> Reply:
        """Do the same by a JSON Patch (RFC 6902) of what is kept."""
        patch = await call.json(ITEMS_BYTES_MAX, PATCH)
        return await self._mended(call, lambda item: patched(item, patch))

    async def resend(self, call: Call) -> Reply:
        """Have the refused items sent again, those in the body as mended, and answer with what became of each."""
        only(call.query, frozenset())
        sent = await call.model(MendedItems, 2 * ITEMS_BYTES_MAX)
        changes = {one.index: one.item for one in sent.items}
        if len(changes) != len(sent.items):
            raise Rejected.of("/items", "two items have one index", "Send each once.")
        if sent.envelope is not None and not ENVELOPE_MEMBERS.issuperset(sent.envelope):
            rule = "an envelope has sensor, sendTime and dataVersion, and its data are the items"
            raise Rejected.of("/envelope", rule, "Send those of the three that are others now.")
        delivery, at, by = _known_id(call.path["id"]), self._clock.now(), (writer(call), reader(call))
        results = await self._resending.resend(*by, delivery, changes, sent.envelope, _version(call), at)
        return Reply.json(as_answer(results))

    async def _mended(self, call: Call, change: Callable[[Any], Any]) -> Reply:
        only(call.query, frozenset())
        delivery, index = _known_id(call.path["id"]), _index(call.path["index"])
        mended = await self._resending.mend(reader(call), delivery, index, change, _version(call))
        return Reply.json({**mended.as_told(), "is_ready": not mended.errors})


def _version(call: Call) -> Callable[[Delivery], XapiVersion]:
    """Return which version a delivery speaks: that of this request where it names one, else as it was sent."""

    def spoken(one: Delivery) -> XapiVersion:
        named = VERSION_HEADER in call.headers or not one.version
        return version_of(call.headers if named else {VERSION_HEADER: one.version}, MOUNTS["/xapi"])

    return spoken


def _flag(text: str | None) -> bool:
    if text not in {None, "true", "false"}:
        raise Rejected.of("refused", "it is neither true nor false", "Send true, or leave it out.")
    return text == "true"


def _index(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise NotFound("No refused item of this delivery has this index. GET the delivery to see which have.")
    return int(text)


def _known_id(text: str) -> str:
    if not is_uuid(text):
        raise NotFound("There is no such delivery, none that is still kept, or none that this key may read.")
    return text.lower()


def as_delivery(one: Delivery) -> dict[str, Any]:
    """Return a delivery as it is told, without its refused items."""
    return {
        "id": one.id,
        "received_at": rfc3339(one.received_at),
        "key": one.key,
        "is_test": one.is_test,
        "method": one.method,
        "path": one.path,
        "status": one.status,
        "request_id": one.request_id or None,
        "bytes": one.body_bytes,
        "milliseconds": one.milliseconds,
        "counts": dict(one.counts),
        "errors": [{"pointer": fault.pointer, "rule": fault.rule, "mend": fault.mend} for fault in one.faults],
        "times": one.times,
        "resent_at": None if one.resent_at is None else rfc3339(one.resent_at),
    }
