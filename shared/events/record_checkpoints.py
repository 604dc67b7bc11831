"""What `record_log` tells: signed checkpoints of the global log. The subject is the log's origin."""

from __future__ import annotations

from shared.events.event import Event, event
from shared.events.sources import RECORD_LOG


@event(RECORD_LOG, "checkpoint-published")
class CheckpointPublished(Event):
    """The log has `size` leaves with this root; `note` is the signed C2SP checkpoint."""

    origin: str
    size: int
    root: str
    note: str
