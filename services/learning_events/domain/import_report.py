"""What is known of an import: how far it is, what became of its lines, and what is told of those not taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from services.learning_events.domain.item_result import INVALID, ItemResult
from shared.kernel.clock import rfc3339
from shared.kernel.errors import Fault

IMPORT_BYTES_MAX: Final = 2 << 30
"""Bytes of one import, as sent and inflated alike: about two million statements."""
PART_BYTES_MAX: Final = 64 << 20
"""Bytes of one request: a part of an upload, or a whole one."""
PIECE_BYTES: Final = 1 << 20
"""Bytes that are made durable at once; of a part that breaks off, so much is lost at most."""
OPEN_MAX: Final = 10
"""Imports of one organisation that have not ended."""
REPORTED_MAX: Final = 100_000
"""Lines the report names; further ones are counted. By then the sender mends a whole export."""
LINE_FAULTS_MAX: Final = 5
"""Faults told of one line."""
UPLOAD_AGE: Final = timedelta(hours=24)
"""An upload to which nothing was added for so long is removed."""
REPORT_AGE: Final = timedelta(days=30)
"""An import and its report are removed so long after its end."""


class State(Enum):
    """Where an import stands. Its bytes are removed when it ends."""

    RECEIVING = "receiving"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_ended(self) -> bool:
        """Whether nothing becomes of it any more."""
        return self in {State.DONE, State.FAILED, State.CANCELLED}


@dataclass(frozen=True, slots=True)
class Tally:
    """How many lines became what."""

    stored: int = 0
    duplicate: int = 0
    conflict: int = 0
    invalid: int = 0

    def plus(self, more: Tally) -> Tally:
        """Return the sum."""
        return Tally(
            self.stored + more.stored,
            self.duplicate + more.duplicate,
            self.conflict + more.conflict,
            self.invalid + more.invalid,
        )


@dataclass(frozen=True, slots=True)
class Mark:
    """How far an import is recorded: its last line, where that ends once inflated, and the bytes of the upload read."""

    line: int = 0
    inflated: int = 0
    consumed: int = 0


@dataclass(frozen=True, slots=True)
class Import:
    """One import. bytes: None while a body without a length arrives; refusal: why it failed."""

    id: str
    organisation: str
    key: str
    is_test: bool
    name: str
    state: State
    created_at: datetime
    moved_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    bytes: int | None
    received: int
    mark: Mark
    tally: Tally
    reported: int
    refusal: Fault | None


@dataclass(frozen=True, slots=True)
class LineFault:
    """A line that was not taken, and why. event: the id it came with, empty where it had none."""

    line: int
    outcome: str
    event: str
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What became of some lines, one after the other, and how far the import is with them."""

    mark: Mark
    tally: Tally
    faults: tuple[LineFault, ...]


def step_of(mark: Mark, results: Sequence[ItemResult]) -> Step:
    """Return what became of the lines up to `mark`; the index of a result is its line."""
    counts = Counter(one.outcome for one in results)
    tally = Tally(counts["stored"], counts["duplicate"], counts["conflict"], counts[INVALID])
    faults = [LineFault(one.index, one.outcome, one.id, one.faults[:LINE_FAULTS_MAX]) for one in results if one.faults]
    return Step(mark, tally, tuple(sorted(faults, key=lambda fault: fault.line)))


def as_shown(one: Import) -> dict[str, Any]:
    """Return an import as it stands in replies."""
    return {
        "id": one.id,
        "name": one.name,
        "state": one.state.value,
        "is_test": one.is_test,
        "bytes": one.bytes,
        "received_bytes": one.received,
        "consumed_bytes": one.mark.consumed,
        "inflated_bytes": one.mark.inflated,
        "lines": one.mark.line,
        "counts": {
            "stored": one.tally.stored,
            "duplicate": one.tally.duplicate,
            "conflict": one.tally.conflict,
            "invalid": one.tally.invalid,
        },
        "reported_lines": one.reported,
        "lines_per_second": _rate(one),
        "created_at": rfc3339(one.created_at),
        "started_at": one.started_at and rfc3339(one.started_at),
        "ended_at": one.ended_at and rfc3339(one.ended_at),
        "refusal": one.refusal and fault_as_shown(one.refusal),
    }


def line_as_shown(one: LineFault) -> dict[str, Any]:
    """Return a line of the report: the first fault, and under `further` the others that are told."""
    first, *others = one.faults
    shown = {"line": one.line, "outcome": one.outcome, "id": one.event or None, **fault_as_shown(first)}
    return shown | {"further": [fault_as_shown(other) for other in others]}


def fault_as_shown(fault: Fault) -> dict[str, str]:
    """Return a fault as it stands in replies."""
    return {"pointer": fault.pointer, "rule": fault.rule, "mend": fault.mend}


def _rate(one: Import) -> float | None:
    """Return lines a second from the first line to the last step; None before there is anything to divide."""
    if one.started_at is None or not one.mark.line:
        return None
    seconds = (one.moved_at - one.started_at).total_seconds()
    return round(one.mark.line / seconds, 1) if seconds > 0 else None
