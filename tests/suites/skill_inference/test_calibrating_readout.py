"""The prediction of the next outcome, fitted by the command that operators run to a house with outcomes enough."""

from __future__ import annotations

import hashlib
import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from services.skill_inference.domain.readout import parse_readout
from services.skill_inference.domain.release import parse_release
from shared.kernel.ids import system_id
from tests.suites.servers import Servers
from tests.suites.skill_inference.house import House, Tenant, inference_house, line
from tests.suites.skill_inference.owners import NOW
from tests.suites.skill_inference.test_calibrating import calibration
from tests.suites.skill_inference.test_predicting import outcome_of, skill
from tests.suites.skill_inference.test_releases import adopted
from tests.unit.skill_inference.people import APIS, DRIFT

SEED: Final = 12
PEOPLE: Final = 60
TASKS: Final = 20
TRIES: Final = 2
pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(400), pytest.mark.slow]


async def fill(house: House) -> tuple[Tenant, str]:
    """Have everybody's tries heard; every second one goes as the one before, which no level explains.

    Returns whose the tasks are, and one of the people.
    """
    print(f"seed {SEED}")
    drawn, tenant = random.Random(SEED), house.organisation()
    tasks = [f"https://lms.example/readout/{n}" for n in range(TASKS)]
    await tenant.align(*(line(task, (APIS, DRIFT)[n % 2]) for n, task in enumerate(tasks)))
    people = [system_id("person") for _ in range(PEOPLE)]
    for person in people:
        level, success, facts = drawn.gauss(0.5, 1.0), False, []
        for k in range(TASKS * TRIES):
            success = success if k % 2 else drawn.gauss(level - k % TASKS / 8, 1.0) > 0.0
            at = NOW - timedelta(days=TASKS * TRIES - k)
            facts.append(house.owners.statement(person, tenant.id, tasks[k % TASKS], at=at, success=success))
        await house.hear(facts)
    await house.settle()
    return tenant, people[-1]


def brought(folder: Path, release: str) -> dict[str, Any]:
    """The release that was written, as it is sent."""
    document = json.loads((folder / f"release-{release}.json").read_bytes())
    files = {name: folder / f"{name}-{digest}.json" for name, digest in document["annexes"].items()}
    return {"document": document, "annexes": {name: file.read_text() for name, file in files.items()}}


async def served(house: House, tenant: Tenant, person: str, sent: dict[str, Any]) -> None:
    """Have the release in force, and hold what is answered of the person's next try to its readout."""
    task = "https://lms.example/readout/0"
    before = await outcome_of(house, person, organisation=tenant.id, activity=task)
    release = await adopted(house, sent)
    found = await outcome_of(house, person, organisation=tenant.id, activity=task)
    print(f"state {found.state_chance:.4f}, served {found.chance:.4f}")
    assert (before.by, found.by, found.release) == ("state", "readout", release)
    assert 0.0 < found.chance < 1.0
    assert abs(found.chance - found.state_chance) > 1e-3
    assert found == await outcome_of(house, person, organisation=tenant.id, activity=task)
    other = await outcome_of(house, person, skills=[skill(APIS)])
    assert (other.by, other.chance) == ("state", other.state_chance)


async def test_a_house_with_outcomes_enough_gets_a_readout_and_how_it_did_for_people_held_out(
    servers: Servers, tmp_path: Path
) -> None:
    async with inference_house(servers.postgres.admin_dsn, servers.broker.address) as house:
        tenant, asked = await fill(house)
        code, said = await calibration(house, tmp_path / "fitted")
        sent = brought(tmp_path / "fitted", said["release"])
        await served(house, tenant, asked, sent)
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
