"""Calibration on a running service: what it reads of a house, what it writes, and that nothing in the house moves."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from services.skill_inference import parameters
from services.skill_inference.domain.release import parse_release
from services.skill_inference.domain.telling import MOVE_MIN
from shared.events.project_submissions import Mark
from shared.kernel.ids import system_id
from tests.suites.servers import Servers
from tests.suites.skill_inference.house import House, inference_house, line
from tests.suites.skill_inference.owners import NOW
from tests.suites.skill_inference.test_opting_out import prefer
from tests.unit.skill_inference.people import APIS, DRIFT

ROOT: Final = Path(__file__).resolve().parents[3]
SEED: Final = 11
PEOPLE: Final = 30
pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(400)]


@dataclass
class Calibrated:
    """A house, what its calibration laid into a folder, what it said last, and who is in it."""

    house: House
    folder: Path
    said: dict[str, Any]
    people: list[str]
    hidden: str

    @property
    def document(self) -> bytes:
        """The release as it was written."""
        return (self.folder / f"release-{self.said['release']}.json").read_bytes()

    def annex(self, name: str) -> bytes:
        """Return an annex by the hash that the release names."""
        return (self.folder / f"{name}-{json.loads(self.document)['annexes'][name]}.json").read_bytes()


async def calibration(house: House, folder: Path) -> tuple[int, dict[str, Any]]:
    """Run a calibration of the house; return its exit code and what it said last."""
    settings = house.settings
    told = {
        "DEEDLOG_SKILL_INFERENCE_DATABASE_DOOR_URL": settings.database_door_url.get_secret_value(),
        "DEEDLOG_SKILL_INFERENCE_DATABASE_BACKBONE_URL": settings.database_backbone_url.get_secret_value(),
        "DEEDLOG_SERVICE_TOKEN": settings.service_token.get_secret_value(),
        "PYTHONPATH": f"{ROOT}:{ROOT / 'proto' / 'gen'}",
    }
    words = (sys.executable, "-m", "services.skill_inference.calibration", "--out", str(folder))
    done = await asyncio.to_thread(
        subprocess.run, words, cwd=ROOT, env=os.environ | told, capture_output=True, timeout=300, check=False
    )
    assert done.stdout, done.stderr.decode()
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


async def fill(house: House) -> list[str]:
    """Have some hundred statements and reviews of people of different levels heard."""
    print(f"seed {SEED}")
    drawn, tenant, owners = random.Random(SEED), house.organisation(), house.owners
    tasks = [f"https://lms.example/calibration/{n}" for n in range(10)]
    await tenant.align(*(line(task, (APIS, DRIFT)[n % 2]) for n, task in enumerate(tasks)))
    people, reviewers = [system_id("person") for _ in range(PEOPLE)], [system_id("person") for _ in range(4)]
    for n, person in enumerate(people):
        level = drawn.gauss(0.5, 1.0)
        facts = [
            owners.statement(
                person, tenant.id, task, at=NOW - timedelta(days=20 - k), success=drawn.gauss(level - k / 5, 1.0) > 0.0
            )
            for k, task in enumerate(tasks)
        ]
        for r in range(2):
            value = min(max(round(2 + level + (n + r) % 4 * 0.3 + drawn.gauss(0.0, 0.6)), 0), 5)
            marks = [Mark(criterion="c-apis", skill=APIS, layer="integration", value=value)]
            facts.append(owners.review(person, f"prj_{n}", reviewers[(n + r) % 4], marks, NOW - timedelta(days=2)))
        await house.hear(facts)
    await house.settle()
    kept = (await house.rows("SELECT (SELECT count(*) FROM statements), (SELECT count(*) FROM reviews)"))[0]
    assert tuple(kept) == (10 * PEOPLE, 2 * PEOPLE)
    return people


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def calibrated(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Calibrated]:
    """A house that was calibrated once, with one person in it who opted out."""
    async with inference_house(servers.postgres.admin_dsn, servers.broker.address) as house:
        people, folder = await fill(house), tmp_path_factory.mktemp("calibration") / "first"
        await prefer(house, people[0], opted_out=True)
        code, said = await calibration(house, folder)
        assert (code, said.get("is_done")) == (0, True), said
        yield Calibrated(house, folder, said, people[1:], people[0])


async def test_a_release_is_written_that_can_be_read_with_its_annexes(calibrated: Calibrated) -> None:
    annexes = {name: calibrated.annex(name) for name in ("tasks", "reviewers")}
    release = parse_release(calibrated.document).with_annexes(annexes)
    assert release.id == calibrated.said["release"]
    assert (len(release.tasks.known), len(release.reviewers.known)) == (10, 4)
    assert (calibrated.said["outcomes"], calibrated.said["reviews"]) == (10 * (PEOPLE - 1), 2 * (PEOPLE - 1))


async def test_a_stranger_stands_where_they_stood_and_what_tasks_teach_is_found_too(calibrated: Calibrated) -> None:
    curve, before = parse_release(calibrated.document).curve, parse_release(parameters.release_document("0")).curve
    assert curve.general_mean == before.general_mean
    assert (before.gain_success, before.gain_failure) == (0.0, 0.0)
    assert (curve.gain_success, curve.gain_failure) != (0.0, 0.0)


async def test_no_readout_is_written_from_too_few_outcomes_and_the_answer_says_so(calibrated: Calibrated) -> None:
    said = calibrated.said["readout"]
    assert said["is_written"] is False
    assert said["reason"].startswith(f"no readout: {calibrated.said['outcomes']} outcomes of {PEOPLE - 1} people")
    assert set(json.loads(calibrated.document)["annexes"]) == {"tasks", "reviewers"}


async def test_marks_too_few_for_cut_points_are_rounded_and_the_answer_says_so(calibrated: Calibrated) -> None:
    marks, people = 2 * (PEOPLE - 1), PEOPLE - 1
    reason = f"{marks} marks of {people} people, 200 of 20 are needed"
    scale = {"highest_mark": 5, "marks": marks, "people": people, "is_written": False, "reason": reason}
    assert calibrated.said["told_marks"] == [scale]
    assert "told_marks" not in json.loads(calibrated.document)


async def test_what_changes_begins_with_what_was_told(calibrated: Calibrated) -> None:
    rows = json.loads((calibrated.folder / "changes.json").read_bytes())["estimates"]
    told = {
        (person, skill): one
        for person in calibrated.people
        for skill, one in (await calibrated.house.standing(person)).items()
    }
    assert {(row["person"], row["skill"]) for row in rows} == set(told)
    for row in rows:
        one = told[row["person"], row["skill"]]
        assert abs(row["mean_before"] - one.mean) <= MOVE_MIN
        assert row["claim_before"] == one.claim
    table = list(csv.DictReader((calibrated.folder / "changes.csv").read_text().splitlines()))
    assert [float(row["mean_after"]) for row in table] == [row["mean_after"] for row in rows]


async def test_nothing_is_read_of_whoever_opted_out(calibrated: Calibrated) -> None:
    assert all(calibrated.hidden.encode() not in file.read_bytes() for file in calibrated.folder.iterdir())


async def test_only_the_owner_may_read_what_names_people(calibrated: Calibrated) -> None:
    assert {file.stat().st_mode & 0o777 for file in calibrated.folder.iterdir()} == {0o600}
    assert calibrated.folder.stat().st_mode & 0o777 == 0o700


async def test_nothing_is_written_over(calibrated: Calibrated) -> None:
    before = {file.name: file.read_bytes() for file in calibrated.folder.iterdir()}
    code, said = await calibration(calibrated.house, calibrated.folder)
    assert (code, said["code"]) == (1, "conflict")
    assert {file.name: file.read_bytes() for file in calibrated.folder.iterdir()} == before


async def test_a_house_with_too_little_evidence_is_told_how_much_is_needed(servers: Servers, tmp_path: Path) -> None:
    async with inference_house(servers.postgres.admin_dsn, servers.broker.address) as house:
        code, said = await calibration(house, tmp_path / "empty")
    assert (code, "200 of 20 are needed" in said["refused"], "50 are needed" in said["refused"]) == (1, True, True)
