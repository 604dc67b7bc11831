"""A kept statement as readers get it: the original with what the store set (part 2, 2.4.1 and 2.4.7 to 2.4.10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from services.learning_events.domain.actor import identifier
from services.learning_events.domain.normal_form import NormalEvent, normal_form
from services.learning_events.domain.statement import XapiVersion
from shared.kernel import canonical_json
from shared.kernel.clock import rfc3339
from shared.kernel.hashing import sha256

_VERSION_WHEN_NONE: Final = {XapiVersion.V1_0: "1.0.0", XapiVersion.V2_0: "2.0.0"}


@dataclass(frozen=True, slots=True)
class StoredStatement:
    """A statement in the store, which was not erased. key: the API key it came by; version: of its request."""

    id: str
    original: bytes
    stored_at: datetime
    key: str
    version: XapiVersion
    person: str | None
    account: str | None
    is_test: bool
    is_void: bool


def as_served(stored: StoredStatement, home_page: str) -> dict[str, Any]:
    """Return the statement with id, stored, authority, version and timestamp as this store set them.

    The authority is the key it came by, as an account at `home_page`; what the sender wrote there is not repeated.
    A context Activity that came alone stands in an array (2.4.6.2).
    """
    original = with_activities_in_arrays(_read(stored))
    stored_at = rfc3339(stored.stored_at)
    return {
        "timestamp": stored_at,
        "version": _VERSION_WHEN_NONE[stored.version],
        **original,
        "id": stored.id,
        "stored": stored_at,
        "authority": {"objectType": "Agent", "account": {"homePage": home_page, "name": stored.key}},
    }


def with_activities_in_arrays(statement: dict[str, Any]) -> dict[str, Any]:
    """Return a checked statement whose context Activities stand in arrays, those of its SubStatement too."""
    form = statement
    activities = statement.get("context", {}).get("contextActivities", {})
    if any(type(some) is dict for some in activities.values()):
        arrays = {kind: [some] if type(some) is dict else some for kind, some in activities.items()}
        form = {**form, "context": {**form["context"], "contextActivities": arrays}}
    target = statement["object"]
    if target.get("objectType") == "SubStatement":
        form = {**form, "object": with_activities_in_arrays(target)}
    return form


def as_event(stored: StoredStatement) -> dict[str, Any]:
    """Return the statement's normal form as `/v1/events` lists it; members that do not apply are null."""
    event = normal_form(_read(stored), stored.id, stored.stored_at, sha256(stored.original))
    return {
        "id": stored.id,
        "person": stored.person,
        "account": stored.account,
        "verb": event.verb,
        "object": event.object_id,
        "object_type": event.object_type,
        "score": _score(event),
        "success": event.success,
        "completion": event.completion,
        "duration_seconds": event.duration_seconds,
        "registration": event.registration,
        "occurred_at": rfc3339(event.occurred_at),
        "stored_at": rfc3339(stored.stored_at),
        "digest": event.digest.hex(),
        "is_test": stored.is_test,
        "is_void": stored.is_void,
    }


def actor_of(original: bytes) -> str:
    """Return the canonical text of who acted in a kept statement."""
    statement = canonical_json.loads(original, bytes_max=len(original))
    return identifier(cast("dict[str, Any]", statement)["actor"], "")


def _score(event: NormalEvent) -> dict[str, float | None] | None:
    score = event.score
    if score is None:
        return None
    return {"scaled": score.scaled, "raw": score.raw, "min": score.min, "max": score.max}


def _read(stored: StoredStatement) -> dict[str, Any]:
    return cast("dict[str, Any]", canonical_json.loads(stored.original, bytes_max=len(stored.original)))
