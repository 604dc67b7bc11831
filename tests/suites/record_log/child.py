"""The services of a house in a process of their own, which ends hard at a named point: `python -m …child HOUSE …`.

Arguments: the house's description, the names of its tellers, those of its services, and POINT:HIT. Nothing is told
here; what the parent tells is heard until the process is no more.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.embedded.process import Child, spawn
from shared.events.sources import SOURCES
from shared.runtime import faults
from tests.suites.record_log.house import RECORD_LOG, House, Part

REPOSITORY = Path(__file__).parents[3]
LIFE_SECONDS = 60


def start_child(house: House, point: str, log_file: Path, module: str = __name__) -> Child:
    """A child hosts the services of this house and will end at `point`."""
    names = [",".join(house.sources), ",".join(house.parts)]
    command = [sys.executable, "-m", module, house.description(), *names, point]
    return spawn(command, log_file, environment=dict(os.environ), folder=REPOSITORY)


async def live(description: str, sources: Sequence[str], parts: Mapping[str, Part]) -> None:
    """Host the services for a minute at most."""
    told = json.loads(description)
    tellers = [SOURCES[name] for name in sources]
    house = House(told["admin_dsn"], told["kafka"], Path(told["folder"]), tellers, dict(parts))
    await house.start()
    await asyncio.sleep(LIFE_SECONDS)


def main(known: Mapping[str, Part]) -> None:
    """Be the process that the arguments describe; its services are among `known`."""
    description, sources, names, point = sys.argv[1:]
    faults.arm_exit(point)
    parts = {name: known[name] for name in names.split(",")}
    asyncio.run(live(description, sources.split(","), parts))


if __name__ == "__main__":
    main({"record_log": RECORD_LOG})
