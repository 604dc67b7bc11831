"""The prediction of the next outcome, fitted by the command that operators run to a house with outcomes enough."""

from __future__ import annotations

import hashlib
import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from services.skill_inference.domain.readout import parse_readout
from services.skill_inference.domain.release import parse_release
from shared.kernel.ids import system_id
from tests.suites.servers import Servers
from tests.suites.skill_inference.house import House, inference_house, line
from tests.suites.skill_inference.owners import NOW
from tests.suites.skill_inference.test_calibrating import calibration
from tests.unit.skill_inference.people import APIS, DRIFT

SEED: Final = 12
PEOPLE: Final = 60
TASKS: Final = 20
TRIES: Final = 2
pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(400), pytest.mark.slow]


async def fill(house: House) -> None:
    """Have everybody's tries heard; every second one goes as the one before, which no level explains."""
    print(f"seed {SEED}")
    drawn, tenant = random.Random(SEED), house.organisation()
    tasks = [f"https://lms.example/readout/{n}" for n in range(TASKS)]
    await tenant.align(*(line(task, (APIS, DRIFT)[n % 2]) for n, task in enumerate(tasks)))
    for _ in range(PEOPLE):
        person, level, success, facts = system_id("person"), drawn.gauss(0.5, 1.0), False, []
        for k in range(TASKS * TRIES):
            success = success if k % 2 else drawn.gauss(level - k % TASKS / 8, 1.0) > 0.0
            at = NOW - timedelta(days=60 - k)
            facts.append(house.owners.statement(person, tenant.id, tasks[k % TASKS], at=at, success=success))
        await house.hear(facts)
    await house.settle()


async def test_a_house_with_outcomes_enough_gets_a_readout_and_how_it_did_for_people_held_out(
    servers: Servers, tmp_path: Path
) -> None:
    async with inference_house(servers.postgres.admin_dsn, servers.broker.address) as house:
        await fill(house)
        code, said = await calibration(house, tmp_path / "fitted")
    print(json.dumps({name: said.get(name) for name in ("outcomes", "readout", "calibration_error", "files")}))
    assert (code, said["outcomes"]) == (0, PEOPLE * TASKS * TRIES)
    assert (said["readout"]["is_written"], said["readout"]["reason"]) == (True, None)
    held_out = said["readout"]["held_out"]
    assert (held_out["people"], held_out["outcomes"]) == (PEOPLE // 5, PEOPLE // 5 * TASKS * TRIES)
    assert held_out["served"]["loss"] < held_out["state"]["loss"]
    assert held_out["served"]["auc"] > held_out["state"]["auc"]
    release = parse_release((tmp_path / "fitted" / f"release-{said['release']}.json").read_bytes())
    raw = (tmp_path / "fitted" / f"readout-{release.annexes['readout']}.json").read_bytes()
    assert hashlib.sha256(raw).hexdigest() == release.annexes["readout"]
    assert len(parse_readout(raw).tasks) == TASKS
    assert {"served.json", "served.png"} <= set(said["files"])
