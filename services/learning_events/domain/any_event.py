"""One item of whatever format is read here, recognised by what it says of itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.learning_events.domain.batch import ITEM_BYTES_MAX, NewStatementId, RefusedStatement, validate_item
from services.learning_events.domain.caliper import read_caliper
from services.learning_events.domain.caliper_form import is_caliper
from services.learning_events.domain.cloud_event import is_cloud_event, read_structured
from services.learning_events.domain.derived import Reading
from services.learning_events.domain.statement import XapiVersion
from shared.kernel import canonical_json
from shared.kernel.errors import Fault, Rejected

_ENVELOPE = Fault("", "an envelope of Caliper is no event", "POST it to /caliper, or send what stands under its data.")


def read_any(
    raw: bytes,
    index: int,
    received_at: datetime,
    new_statement_id: NewStatementId,
    version: XapiVersion = XapiVersion.V2_0,
) -> Reading:
    """Return what the item in `raw` is: a CloudEvent, Caliper's event or entity, else a statement.

    What is none is refused with everything wrong with it; pointers start at the item. At most ITEM_BYTES_MAX bytes.
    """
    try:
        item: Any = canonical_json.loads(raw, bytes_max=ITEM_BYTES_MAX)
    except Rejected as error:
        return RefusedStatement(index, error.faults)
    if is_cloud_event(item):
        return read_structured(raw, index, received_at)
    if is_caliper(item):
        return read_caliper(item, raw, index, received_at, envelope={}, entities={})
    if type(item) is dict and "sensor" in item and "data" in item:
        return RefusedStatement(index, (_ENVELOPE,))
    return validate_item(raw, index, received_at, new_statement_id, version=version)
