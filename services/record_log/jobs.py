"""The round of the log: heads take their places, a checkpoint is signed, erasures are carried out."""

from __future__ import annotations

import asyncio
import logging
from typing import Final
from urllib.parse import urlsplit

from services.record_log.handlers.erasing import carry_out
from services.record_log.handlers.sequencing import HEADS_AT_ONCE, begin_log, place_heads, publish_checkpoint
from services.record_log.store.log import PostgresErasures, PostgresGlobalLog
from shared.kernel.clock import Clock
from shared.kernel.ids import system_fact_id
from shared.runtime.key_files import KeyFolder

PURPOSE: Final = "log"
"""The name of the log's key."""
_log = logging.getLogger(__name__)


def log_origin(origin: str) -> str:
    """Return the name a log begun at this public origin bears: host, port and path without scheme, then `/log`."""
    parts = urlsplit(origin)
    return f"{parts.netloc}{parts.path.rstrip('/')}/log"


class Sequencing:
    """Keeps the log going. In however many processes it runs, one of them writes at a time.

    origin: the name of the log if it begins now; one that was begun keeps its name and its key.
    """

    def __init__(
        self,
        log: PostgresGlobalLog,
        erasures: PostgresErasures,
        keys: KeyFolder,
        clock: Clock,
        origin: str,
        pause_seconds: float,
    ) -> None:
        self._log = log
        self._erasures = erasures
        self._keys = keys
        self._clock = clock
        self._origin = origin
        self._pause_seconds = pause_seconds

    async def run(self) -> None:
        """Do a round, pause, and so on. Raises Unavailable or Broken; its supervisor starts it again."""
        signer = self._keys.signer(PURPOSE)
        self._origin = await begin_log(self._log, self._origin, signer)
        while True:
            await self.round()
            await asyncio.sleep(self._pause_seconds)

    async def round(self) -> None:
        """Have every head that waits placed, the log signed if it grew, and erasures carried out."""
        signer = self._keys.signer(PURPOSE)
        while await place_heads(self._log, self._origin) == HEADS_AT_ONCE:
            pass
        await publish_checkpoint(self._log, self._origin, signer, self._clock.now(), system_fact_id())
        if ended := await carry_out(self._erasures):
            _log.info("erasures carried out", extra={"count": ended})
