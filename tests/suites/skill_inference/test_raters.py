"""Operators look at reviewers: who marks harshly, who cannot be compared, and who is left out."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.events.project_submissions import Mark
from shared.kernel.ids import PersonId, system_id
from shared.runtime.auth import Principal
from tests.suites.skill_inference.house import House, Tenant
from tests.suites.skill_inference.test_opting_out import prefer
from tests.unit.skill_inference.people import APIS, DRIFT

ROOT = Path(__file__).resolve().parents[3]

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


def marks(value: int) -> list[Mark]:
    return [Mark(criterion=f"c {skill}", skill=skill, layer="", value=value) for skill in (APIS, DRIFT)]


async def two_reviewers(house: House) -> tuple[str, str]:
    """A harsh and a lenient reviewer of the same works of eight people."""
    harsh, lenient = system_id("person"), system_id("person")
    for _ in range(8):
        person, work = system_id("person"), system_id("project")
        await house.hear(
            house.owners.review(person, work, harsh, marks(1)), house.owners.review(person, work, lenient, marks(4))
        )
    return harsh, lenient


async def asked(house: House, caller: Principal) -> Any:
    return await house.http.get("/v1/raters", headers=house.secret(caller))


async def reviewers(house: House) -> dict[str, dict[str, Any]]:
    answer = await asked(house, Principal("admin", "adm_1"))
    assert answer.status_code == 200, answer.text
    return {one["reviewer"]: one for one in answer.json()["reviewers"]}


async def test_reviewers_of_the_same_works_are_told_apart_by_their_severity(house: House) -> None:
    harsh, lenient = await two_reviewers(house)
    found = await reviewers(house)
    assert found[harsh]["severity"]["low"] > found[lenient]["severity"]["high"]
    assert found[harsh]["component"] == found[lenient]["component"]
    assert (found[harsh]["reviews"], found[harsh]["shared_works"]) == (8, 8)


async def test_looking_at_reviewers_moves_nobody(house: House) -> None:
    person, reviewer = system_id("person"), system_id("person")
    await house.hear(house.owners.review(person, system_id("project"), reviewer, marks(5)))
    before = await house.stream(person), await house.estimates(person)
    await reviewers(house)
    await house.settle()
    assert (await house.stream(person), await house.estimates(person)) == before


async def test_merged_reviewers_are_one_and_two_again_after_a_split(house: House) -> None:
    one, other = await two_reviewers(house)
    await house.hear(house.owners.merged(one, other))
    merged = await reviewers(house)
    assert (other in merged, merged[one]["reviews"]) == (False, 16)
    await house.hear(house.owners.split(one, other))
    assert {one, other} <= set(await reviewers(house))


async def test_who_opted_out_is_not_looked_at(house: House) -> None:
    harsh, lenient = await two_reviewers(house)
    await prefer(house, harsh, opted_out=True)
    found = await reviewers(house)
    assert harsh not in found
    assert found[lenient]["shared_works"] == 0
    assert (await asked(house, Principal("admin", "adm_1"))).json()["reviews_left_out_by_wish"] >= 8


async def test_only_operators_look(house: House, tenant: Tenant) -> None:
    person = Principal("person", "ses_1", person=PersonId(system_id("person")))
    assert (await asked(house, person)).status_code == 403
    assert (await house.http.get("/v1/raters", headers=tenant.caller())).status_code == 403
    assert (await house.http.get("/v1/raters")).status_code == 401


async def test_the_command_tells_operators_in_words_and_in_json(house: House, tmp_path: Path) -> None:
    harsh, _ = await two_reviewers(house)
    code, said = await command(house, tmp_path, "--all", "--limit", "10000")
    assert (code, harsh in said, "Nothing acts on it" in said) == (0, True, True)
    code, said = await command(house, tmp_path, "--json")
    assert (code, harsh in {one["reviewer"] for one in json.loads(said)["reviewers"]}) == (0, True)


async def command(house: House, home: Path, *words: str) -> tuple[int, str]:
    """Return the exit code of `deedlog raters` as an operator runs it, and what it answered."""
    secret = house.secret(Principal("admin", "adm_1"))["authorization"].removeprefix("Bearer ")
    own = {"DEEDLOG_ORIGIN": str(house.http.base_url).rstrip("/"), "DEEDLOG_KEY": secret, "DEEDLOG_HOME": str(home)}
    own["PYTHONPATH"] = f"{ROOT}:{ROOT / 'proto' / 'gen'}"
    line = (sys.executable, "-m", "cli.main", "raters", *words)
    done = await asyncio.to_thread(
        subprocess.run, line, cwd=ROOT, env=os.environ | own, capture_output=True, timeout=60, check=False
    )
    return done.returncode, done.stdout.decode()
