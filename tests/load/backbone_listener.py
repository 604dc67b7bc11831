"""The listener of the backbone's benchmark, in a process of its own: `python -m tests.load.backbone_listener JSON`.

It keeps a read model: how many facts of each person it heard, and the newest verb. It ends on SIGTERM.
"""

from __future__ import annotations

import asyncio
import contextlib
import cProfile
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from shared.events.learning_events import StatementRecorded
from shared.events.sources import LEARNING_EVENTS, Source
from shared.kernel.clock import SystemClock
from shared.runtime.backbone import Backbone
from shared.runtime.effect import Applying, Heard, SetAside
from shared.runtime.feed import RpcFeed
from shared.runtime.grpc import channel
from shared.runtime.lifecycle import launch
from shared.runtime.postgres import Connection
from shared.runtime.settings import Settings

FOLDER = Path(__file__).parent / "backbone_tables"


class Tallying:
    """Adds up facts by person, a row a person, in arrays."""

    hears: tuple[Source, ...] = (LEARNING_EVENTS,)
    types: frozenset[str] | None = frozenset({StatementRecorded.type})

    async def subjects(self, connection: Connection, heard: Sequence[Heard]) -> Collection[str]:
        """Nobody else."""
        return ()

    async def apply(self, applying: Applying, heard: Sequence[Heard]) -> Sequence[SetAside]:
        """Store counts and newest verbs."""
        counts: dict[str, int] = {}
        verbs: dict[str, str] = {}
        for item in heard:
            assert isinstance(item.event, StatementRecorded)
            subject = item.fact.subject
            counts[subject] = counts.get(subject, 0) + 1
            verbs[subject] = item.event.verb
        subjects = sorted(counts)
        await applying.connection.execute(
            """INSERT INTO tallies AS t SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[])
               ON CONFLICT (subject) DO UPDATE SET count = t.count + excluded.count, verb = excluded.verb""",
            subjects,
            [counts[subject] for subject in subjects],
            [verbs[subject] for subject in subjects],
        )
        return ()


@asynccontextmanager
async def listener(settings: Settings) -> AsyncIterator[Backbone]:
    """The listener runs."""
    wire = channel(settings.rpc_address(LEARNING_EVENTS.name), settings.service_token.get_secret_value())
    feed = RpcFeed({LEARNING_EVENTS.name: wire})
    backbone = Backbone(settings, SystemClock(), FOLDER, source=None, feed=feed, is_rebuildable=True)
    backbone.hear(Tallying())
    await backbone.start()
    try:
        yield backbone
    finally:
        await backbone.stop()
        await wire.close()


async def _main(settings: Settings) -> None:
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    async with listener(settings):
        await asked.wait()


if __name__ == "__main__":
    profiled = os.environ.get("DEEDLOG_BENCH_PROFILE")
    with cProfile.Profile(time.process_time) if profiled else contextlib.nullcontext() as profile:
        launch(_main(Settings.model_validate(json.loads(sys.argv[1]))))
    if profile is not None and profiled:
        profile.dump_stats(f"{profiled}.listener")
