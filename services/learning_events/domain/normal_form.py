"""What a statement says, in the few values that facts carry and inference reads.

The original stays in this service; the normal form and the original's digest travel. Everything here is a function of
one checked statement and of the instant it came in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from services.learning_events.domain.actor import identifier
from services.learning_events.domain.faults import Faults
from services.learning_events.domain.formats import duration_seconds, instant
from services.learning_events.domain.recurring import NOTHING, Recurring
from services.learning_events.domain.statement import is_voiding, object_type
from shared.events.learning_events import Format

FACT_TEXT_BYTES_MAX: Final = 1_400
"""JSON bytes of actor, verb and object together: with the rest of a fact they stay within its 2,048 bytes."""
_ALWAYS_FITS: Final = FACT_TEXT_BYTES_MAX // 4


@dataclass(frozen=True, slots=True)
class Score:
    """A score as the platform gave it; `scaled` lies in [-1, 1]."""

    scaled: float | None
    raw: float | None
    min: float | None
    max: float | None


class NormalEvent(NamedTuple):
    """One statement in its normal form. A tuple, which is made in a third of the time of a frozen dataclass.

    statement_id: lower-case UUID. actor: the canonical text of `actor.py`. object_id: an Activity's IRI, an actor's
    canonical text, a referenced statement's UUID; of a SubStatement the id of what it is about. occurred_at: the
    statement's timestamp, else when it came in. digest: SHA-256 of the statement's canonical form (RFC 8785), or of
    what was sent where the statement was made of another `format`.
    """

    statement_id: str
    actor: str
    is_group: bool
    verb: str
    object_id: str
    object_type: str
    score: Score | None
    success: bool | None
    completion: bool | None
    duration_seconds: float | None
    registration: str | None
    occurred_at: datetime
    digest: bytes
    is_voiding: bool
    format: Format = "xapi"

    @property
    def activity_id(self) -> str | None:
        """The IRI of the Activity that was acted on; None where the object is something else."""
        return self.object_id if self.object_type == "Activity" else None

    @property
    def voided_id(self) -> str | None:
        """The id of the statement that this one voids; None where it voids none."""
        return self.object_id if self.is_voiding else None


def normal_form(
    statement: dict[str, Any],
    statement_id: str,
    received_at: datetime,
    digest: bytes,
    source_format: Format = "xapi",
    known: Recurring = NOTHING,
) -> NormalEvent:
    """Return the normal form of a checked statement. Raises KeyError or the like for one that was not checked.

    known: what is known of its parts.
    """
    actor, verb, target = statement["actor"], statement["verb"], statement["object"]
    result: dict[str, Any] = statement.get("result", {})
    score = result.get("score")
    duration = result.get("duration")
    registration = statement["context"].get("registration") if "context" in statement else None
    timestamp = statement.get("timestamp")
    return NormalEvent(
        statement_id,
        identifier(actor, statement_id) if known.actor is None else known.actor.identifier,
        actor.get("objectType") == "Group" if known.actor is None else known.actor.is_group,
        verb["id"],
        _object_id(target, statement_id) if known.activity is None else known.activity.id,
        object_type(target) if known.activity is None else "Activity",
        None if score is None else Score(score.get("scaled"), score.get("raw"), score.get("min"), score.get("max")),
        result.get("success"),
        result.get("completion"),
        None if duration is None else duration_seconds(duration),
        None if registration is None else registration.lower(),
        received_at if timestamp is None else instant(timestamp),
        digest,
        is_voiding(statement),
        source_format,
    )


def check_fits_fact(event: NormalEvent, pointer: str, faults: Faults) -> None:
    """List a fault where actor, verb and object are together too long for a fact; it points at the longest."""
    actor, verb, target = event.actor, event.verb, event.object_id
    if len(actor) + len(verb) + len(target) <= _ALWAYS_FITS:
        return
    sizes = {"/actor": _json_bytes(actor), "/verb/id": _json_bytes(verb), "/object": _json_bytes(target)}
    total = sum(sizes.values())
    if total > FACT_TEXT_BYTES_MAX:
        rule = f"actor, verb and object identify themselves in at most {FACT_TEXT_BYTES_MAX} bytes, got {total}"
        longest = max(sizes, key=lambda name: sizes[name])
        faults.add(f"{pointer}{longest}", rule, "Use a shorter identifier.")


def _object_id(target: dict[str, Any], statement_id: str) -> str:
    kind = object_type(target)
    if kind == "SubStatement":
        return _object_id(target["object"], statement_id)
    if kind in ("Agent", "Group"):
        return identifier(target, statement_id)
    return str(target["id"]).lower() if kind == "StatementRef" else str(target["id"])


def _json_bytes(text: str) -> int:
    """Return how many bytes `text` takes in canonical JSON; it holds no control characters, they were refused."""
    return len(text.encode()) + text.count('"') + text.count("\\")
