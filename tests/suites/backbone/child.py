"""A whole house in a process of its own, which ends hard at a named point: `python -m …child HOUSE POINT:HIT`.

HOUSE is JSON: the operator's address, the house's number, the broker's address and whether it is the embedded one.
It tells until it is no more. What the parent may rely on is only what Postgres and the broker then hold.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
from pathlib import Path

from infra.embedded.broker import EmbeddedBroker
from infra.embedded.process import Child, spawn
from infra.kafka.kafka import ApacheKafka
from shared.runtime import faults

from .house import House, new_fact

REPOSITORY = Path(__file__).parents[3]
PAUSE_SECONDS = 0.02


def start_child(house: House, point: str, log_file: Path) -> Child:
    """A child runs this house and will end at `point`."""
    description = {
        "admin_dsn": house.teller_service.admin_dsn,
        "number": house.number,
        "name": house.name,
        "port": house.broker.port,
        "is_embedded": isinstance(house.broker, EmbeddedBroker),
    }
    command = [sys.executable, "-m", "tests.suites.backbone.child", json.dumps(description), point]
    return spawn(command, log_file, environment=dict(os.environ), folder=REPOSITORY)


async def live(description: dict[str, object]) -> None:
    port = int(str(description["port"]))
    broker = (
        EmbeddedBroker(port, Path(os.devnull)) if description["is_embedded"] else ApacheKafka(Path(os.devnull), port)
    )
    house = House(str(description["admin_dsn"]), int(str(description["number"])), broker, str(description["name"]))
    await house.start()
    for number in itertools.count():
        await house.tell(*(new_fact(f"person{number % 7}") for _ in range(3)), new_fact("ada"))
        await asyncio.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    faults.arm_exit(sys.argv[2])
    asyncio.run(asyncio.wait_for(live(json.loads(sys.argv[1])), timeout=60))
