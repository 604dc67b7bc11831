"""Releases come into force: people are told anew under them, once; what is known of an erased reviewer is gone."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.skill_inference.store import sweeps
from shared.events.project_submissions import Mark
from shared.events.sources import IDENTITY
from shared.kernel import canonical_json
from shared.kernel.ids import system_id
from shared.runtime.auth import Principal
from tests.suites.servers import Servers
from tests.suites.skill_inference.house import House, Tenant, inference_house, line
from tests.suites.skill_inference.owners import NOW, Owners
from tests.suites.skill_inference.test_people import QUIZ
from tests.unit.skill_inference.people import APIS, release, release_text

ROOT = Path(__file__).resolve().parents[3]
OPERATOR = Principal("admin", "operator")

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


@pytest_asyncio.fixture(loop_scope="session")
async def own(servers: Servers) -> AsyncIterator[House]:
    """A house of the test's own: what is in force is in force for everybody."""
    async with inference_house(servers.postgres.admin_dsn, servers.broker.address) as running:
        yield running


def sent(name: str, weight: float = 0.25, reviewers: dict[str, float] | None = None) -> dict[str, Any]:
    """A release in which checks weigh so much, and which knows these reviewers' leniencies."""
    text = release_text()
    document = {**text, "name": name, "assurance": {**text["assurance"], "automated-check": weight}}
    annexes = {"tasks": json.dumps({"tasks": {}, "skills": {}})}
    if reviewers:
        known = {one: {"leniency": [mean, 0.01], "parts": {}} for one, mean in reviewers.items()}
        annexes["reviewers"] = json.dumps({"reviewers": known})
    document["annexes"] = {each: hashlib.sha256(raw.encode()).hexdigest() for each, raw in annexes.items()}
    return {"document": document, "annexes": annexes}


async def bring(house: House, body: Any, caller: Principal = OPERATOR) -> httpx.Response:
    return await house.http.post("/v1/releases", json=body, headers=house.secret(caller))


async def adopt(house: House, name: str, caller: Principal = OPERATOR) -> httpx.Response:
    return await house.http.post(f"/v1/releases/{name}:adopt", headers=house.secret(caller))


async def adopted(house: House, body: dict[str, Any]) -> str:
    """Have this release in force, its sweep not begun; return its id."""
    answer = await bring(house, body)
    assert answer.status_code == 200, answer.text
    done = await adopt(house, answer.json()["id"])
    assert (done.status_code, done.json()["is_changed"]) == (200, True), done.text
    return str(answer.json()["id"])


async def learner(house: House, tenant: Tenant | None = None) -> str:
    """A person with a success on interfaces."""
    tenant = tenant or house.organisation()
    await tenant.align(line(QUIZ, APIS))
    person = system_id("person")
    await house.hear(house.owners.statement(person, tenant.id, QUIZ, at=NOW - timedelta(days=1)))
    return person


async def test_an_adopted_release_is_named_by_estimates_and_told_once(own: House) -> None:
    person = await learner(own)
    before = (await own.standing(person))[APIS]
    assert before.release == release().id
    name = await adopted(own, sent("second"))
    await own.settle()
    after, told = (await own.standing(person))[APIS], len(await own.told(person))
    assert (after.release, told) == (name, 2)
    assert after.mean < before.mean
    assert (await own.estimates(person))[APIS].release == name
    await own.settle()
    assert len(await own.told(person)) == told


async def test_who_is_heard_of_before_the_sweep_is_judged_by_the_new_release_alone(own: House) -> None:
    tenant, twin = own.organisation(), system_id("person")
    person = await learner(own, tenant)
    await own.reviser.stop()
    name = await adopted(own, sent("second"))
    for each in (person, twin):
        days = (0,) if each == person else (1, 0)
        facts = [own.owners.statement(each, tenant.id, QUIZ, at=NOW - timedelta(days=day)) for day in days]
        await own.hear(facts)
    told = (await own.standing(person))[APIS]
    assert (told.release, told.observations) == (name, 2)
    assert told.mean == (await own.standing(twin))[APIS].mean


async def test_the_same_release_again_is_the_same_answer_and_adopting_it_again_changes_nothing(own: House) -> None:
    body = sent("second")
    name = await adopted(own, body)
    await own.settle()
    first, again = await bring(own, body), await bring(own, body)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    done = await adopt(own, name)
    assert (done.status_code, done.json()["is_changed"]) == (200, False)
    assert await own.rows("SELECT count(*) FROM sweeps") == [(0,)]


async def test_two_adoptions_in_a_row_end_under_the_second(own: House) -> None:
    person = await learner(own)
    await adopted(own, sent("second"))
    name = await adopted(own, sent("third", 0.75))
    await own.settle()
    assert (await own.standing(person))[APIS].release == name
    assert len(await own.told(person)) == 2


async def test_going_back_to_the_first_release_tells_what_it_told(own: House) -> None:
    person = await learner(own)
    before = (await own.standing(person))[APIS]
    await adopted(own, sent("second"))
    await own.settle()
    assert (await adopt(own, release().id)).json()["is_changed"]
    await own.settle()
    after = (await own.standing(person))[APIS]
    assert (after.release, after.mean) == (before.release, before.mean)


async def test_a_sweep_that_was_broken_off_ends_after_a_restart(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "PERSONS_MAX", 1)
    owners, service = Owners(), "skill_inference_adopting"
    async with inference_house(servers.postgres.admin_dsn, servers.broker.address, owners, service=service) as house:
        people = [await learner(house) for _ in range(3)]
        await house.reviser.stop()
        name = await adopted(house, sent("second"))
        await house.reviser.step()
        assert {(await house.standing(one))[APIS].release for one in people} == {release().id}
    async with inference_house(servers.postgres.admin_dsn, servers.broker.address, owners, service=service) as house:
        assert (await house.estimates(people[0]))[APIS].release == name
        await house.settle()
        assert {(await house.standing(one))[APIS].release for one in people} == {name}
        assert {len(await house.told(one)) for one in people} == {2}


async def test_another_process_judges_by_what_was_adopted_beside_it(servers: Servers) -> None:
    owners, service = Owners(), "skill_inference_beside"
    async with (
        inference_house(servers.postgres.admin_dsn, servers.broker.address, owners, service=service) as one,
        inference_house(servers.postgres.admin_dsn, servers.broker.address, owners, service=service) as other,
    ):
        person = await learner(one)
        assert (await other.estimates(person))[APIS].release == release().id
        name = await adopted(one, sent("second"))
        assert (await other.estimates(person))[APIS].release == name
        late = await learner(other)
        assert (await other.standing(late))[APIS].release == name


async def test_a_rebuild_keeps_the_release_in_force_and_finds_the_same(own: House) -> None:
    person = await learner(own)
    name = await adopted(own, sent("second"))
    await own.settle()
    told = len(await own.told(person))
    checked = await own.rebuild()
    assert checked.live_digest == checked.rebuilt_digest != ""
    await own.rebuild(is_check_only=False)
    await own.settle()
    assert (await own.standing(person))[APIS].release == name
    assert len(await own.told(person)) == told


async def test_how_far_it_has_come_is_answered_to_operators_and_to_nobody_else(own: House) -> None:
    await learner(own)
    name = await adopted(own, sent("second"))
    await own.settle()
    answer = await own.http.get("/v1/releases:told", headers=own.secret(OPERATOR))
    assert answer.json()["items"] == [{"release": name, "estimates": 1, "people": 1}]
    assert (await own.http.get("/v1/releases:told", headers=own.organisation().caller())).status_code == 403
    listed = {one["id"]: one for one in (await own.http.get("/v1/releases")).json()["items"]}
    assert (listed[name]["is_in_force"], listed[release().id]["is_in_force"]) == (True, False)
    assert listed[name]["in_force_since"] == "2026-06-01T00:00:00.000000Z"


async def test_what_was_brought_is_served_under_its_id_and_names_no_reviewer(own: House) -> None:
    body = sent("second", reviewers={"prs_strict": -1.0})
    name = (await bring(own, body)).json()["id"]
    answer = await own.http.get(f"/v1/releases/{name}")
    assert answer.content == canonical_json.dumps(body["document"])
    assert name.endswith(canonical_json.digest(canonical_json.loads(answer.content)).hex()[:16])
    for path in ("/v1/releases", f"/v1/releases/{name}"):
        assert b"prs_strict" not in (await own.http.get(path)).content
    assert (await own.http.get(f"/v1/releases/{body['document']['annexes']['reviewers']}")).status_code == 404


async def test_an_unknown_release_is_said_not_to_be_there(own: House) -> None:
    answer = await adopt(own, "never-0123456789abcdef")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert "POST /v1/releases" in answer.json()["detail"]


async def test_only_operators_bring_and_adopt(own: House) -> None:
    key = Principal("key", "key_1", scopes=frozenset({"admin", "write"}))
    assert (await bring(own, sent("second"), key)).status_code == 403
    assert (await adopt(own, release().id, key)).status_code == 403


@pytest.mark.parametrize("fault", ["a number", "no annex", "another annex", "a name"])
async def test_a_broken_release_is_refused_with_place_rule_and_mend(house: House, fault: str) -> None:
    body = sent("broken")
    places = {"a number": "/works/variance", "a name": "/name"}
    if fault == "a number":
        body["document"]["works"] = {**body["document"]["works"], "variance": -1}
    elif fault == "a name":
        body["document"]["name"] = "a/b"
    elif fault == "no annex":
        del body["annexes"]["tasks"]
    else:
        body["annexes"]["tasks"] += " "
    answer = await bring(house, body)
    assert answer.status_code == 400, answer.text
    (told,) = answer.json()["errors"]
    assert told["pointer"] == places.get(fault, "/annexes/tasks")
    assert "" not in (told["rule"], told["mend"])


async def reviewed(house: House, reviewer: str) -> str:
    """A person with one work marked by this reviewer."""
    person = system_id("person")
    marks = [Mark(criterion="c", skill=APIS, layer="", value=3)]
    await house.hear(house.owners.review(person, system_id("project"), reviewer, marks))
    return person


async def test_an_erased_reviewer_is_known_to_no_release_any_more(own: House) -> None:
    strict, other = system_id("person"), system_id("person")
    person = await reviewed(own, strict)
    body = sent("second", reviewers={strict: -2.0, other: 1.0})
    await adopted(own, body)
    await own.settle()
    known = (await own.standing(person))[APIS].mean
    await own.hear(own.owners.erased(IDENTITY, strict))
    await own.settle()
    assert (await own.standing(person))[APIS].mean < known - 0.1
    kept = await own.rows("SELECT reviewer FROM release_reviewers")
    assert kept == [(other,)]
    assert (await bring(own, body)).status_code == 200
    assert await own.rows("SELECT reviewer FROM release_reviewers") == kept
    again = sent("third", reviewers={strict: -2.0, other: 1.0})
    await adopted(own, again)
    await own.settle()
    assert await own.rows("SELECT reviewer FROM release_reviewers") == kept


async def test_an_erasure_of_who_never_reviewed_looks_at_nobody(own: House) -> None:
    person = await learner(own)
    await own.settle()
    await own.hear(own.owners.erased(IDENTITY, person))
    assert await own.rows("SELECT count(*) FROM sweeps") == [(0,)]


async def command(house: House, home: Path, *words: str) -> tuple[int, str]:
    """Return the exit code of a command of the operator's and what it answered."""
    told = {
        "DEEDLOG_ORIGIN": str(house.http.base_url).rstrip("/"),
        "DEEDLOG_KEY": house.secret(OPERATOR)["authorization"].removeprefix("Bearer "),
        "DEEDLOG_HOME": str(home),
        "PYTHONPATH": f"{ROOT}:{ROOT / 'proto' / 'gen'}",
    }
    done = await asyncio.to_thread(
        subprocess.run,
        (sys.executable, "-m", "cli.main", "releases", *words),
        cwd=ROOT,
        env=os.environ | told,
        input=b"n\n",
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.decode() + done.stderr.decode()


def folder(place: Path, body: dict[str, Any]) -> Path:
    """Lay a release into a folder as calibration does; return its file."""
    name = f"{body['document']['name']}-{canonical_json.digest(body['document']).hex()[:16]}"
    for each, raw in body["annexes"].items():
        (place / f"{each}-{body['document']['annexes'][each]}.json").write_text(raw)
    moved = {"people": 3, "estimates": 7, "moved_by_more_than": {"0.05": 6}, "largest_move": 0.5}
    changes = {"release": name, "changes": {**moved, "claims_higher": 1, "claims_lower": 2}}
    (place / "changes.json").write_text(json.dumps(changes))
    file = place / f"release-{name}.json"
    file.write_text(json.dumps(body["document"]))
    return file


async def test_a_folder_is_adopted_after_asking_and_listed(own: House, tmp_path: Path) -> None:
    await learner(own)
    file = folder(tmp_path, sent("second", reviewers={"prs_strict": -1.0}))
    code, said = await command(own, tmp_path, "adopt", str(file))
    assert (code, "7 of 3 people" in said, "1 higher, 2 lower" in said) == (1, True, True), said
    assert await own.rows("SELECT count(*) FROM releases") == [(0,)]
    code, said = await command(own, tmp_path, "adopt", str(file), "--yes")
    assert (code, "is in force" in said) == (0, True), said
    await own.settle()
    code, said = await command(own, tmp_path, "list", "--json")
    (current,) = (one for one in json.loads(said) if one["is_in_force"])
    assert (code, file.name, current["estimates"]) == (0, f"release-{current['id']}.json", 1)
    code, said = await command(own, tmp_path, "show", current["id"])
    assert (code, json.loads(said)["name"]) == (0, "second")
    code, said = await command(own, tmp_path, "adopt", release().id, "--json")
    assert (code, json.loads(said)["is_changed"]) == (0, True)


async def test_a_folder_without_its_annex_is_refused_before_anything_is_sent(own: House, tmp_path: Path) -> None:
    body = sent("second")
    file, annex = folder(tmp_path, body), tmp_path / f"tasks-{body['document']['annexes']['tasks']}.json"
    annex.unlink()
    code, said = await command(own, tmp_path, "adopt", str(file), "--yes")
    assert (code, "it is missing" in said) == (2, True), said
    assert await own.rows("SELECT count(*) FROM releases") == [(0,)]
