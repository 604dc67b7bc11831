"""record_log: settings, wiring, run."""

from __future__ import annotations

import secrets
from pathlib import Path

from services.record_log.http import RecordDoor
from services.record_log.jobs import Sequencing, log_origin
from services.record_log.settings import RecordLogSettings
from services.record_log.store.library import PostgresLibrary
from services.record_log.store.log import PostgresErasures, PostgresGlobalLog
from services.record_log.stream import Recording
from shared.events.sources import RECORD_LOG
from shared.runtime.backbone import Backbone
from shared.runtime.background import Task
from shared.runtime.key_files import KeyFolder
from shared.runtime.service import Peers, Service, main
from shared.runtime.settings import Settings


def build(settings: Settings, peers: Peers) -> Service:
    """Return the service record_log."""
    assert isinstance(settings, RecordLogSettings)
    backbone = Backbone(settings, peers.clock, Path(__file__).parent, source=RECORD_LOG, feed=peers.feed())
    backbone.hear(Recording(peers.clock, secrets.token_bytes))
    sequencing = Sequencing(
        PostgresGlobalLog(backbone),
        PostgresErasures(backbone),
        KeyFolder(settings.keys_folder),
        peers.clock,
        log_origin(settings.origin),
        settings.checkpoint_seconds,
    )
    return Service(
        backbone,
        endpoints=RecordDoor(PostgresLibrary(backbone)).endpoints(),
        components=[Task("record_log.sequencing", sequencing.run)],
    )


if __name__ == "__main__":
    main("record_log", build, RecordLogSettings)
