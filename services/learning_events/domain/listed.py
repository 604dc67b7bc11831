"""An event as lists show it, whatever format it came in."""

from __future__ import annotations

from typing import Any, cast

from services.learning_events.domain.derived import ORIGIN
from services.learning_events.domain.served import StoredStatement, as_event
from shared.kernel import canonical_json


def as_listed(stored: StoredStatement, source_format: str) -> dict[str, Any]:
    """Return the normal form with the format and the digest of what was sent.

    source_format: as the store knows it; what a statement says of its origin is believed for those alone that were
    made of another format here.
    """
    event = {**as_event(stored), "format": source_format}
    if source_format == "xapi":
        return event
    statement = cast("dict[str, Any]", canonical_json.loads(stored.original, bytes_max=len(stored.original)))
    return {**event, "digest": statement["context"]["extensions"][ORIGIN]["sha256"]}
