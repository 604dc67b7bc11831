"""Tenants are kept apart by the database, people own their work, and erasing leaves nothing of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.events.erasure import FactsErased
from shared.kernel.hashing import digest_text, sha256
from tests.suites.identity.house import Client
from tests.suites.project_submissions.house import FIVES, THREES, SubmissionsHouse, until, work

pytestmark = pytest.mark.asyncio(loop_scope="session")

TABLES = ("projects", "submissions", "evidence", "reviews")


async def test_a_platform_opens_projects_for_people_who_see_them_as_their_own(
    house: SubmissionsHouse, bundle: bytes
) -> None:
    ada = await house.someone()
    organisation, platform = await house.platform()
    project = await platform.project(person=ada.person)
    shown = await ada.get(f"/v1/projects/{project}")
    assert (shown["owner"], shown["organisation"]) == (ada.person, organisation)
    submission = (await platform.submit(project, bundle))["id"]
    assert (await platform.checked(submission))["state"] == "accepted"
    assert (await ada.get(f"/v1/submissions/{submission}"))["author"] == ada.person
    assert {fact.organisation for fact in await house.stream(ada.person)} == {organisation}


async def test_a_project_offered_to_no_platform_is_seen_by_none(house: SubmissionsHouse, bundle: bytes) -> None:
    ada = await house.someone()
    submission = await house.accepted(ada, bundle)
    _, platform = await house.platform("read")
    await platform.get(f"/v1/submissions/{submission}", 404)
    assert {fact.organisation for fact in await house.stream(ada.person)} == {None}


async def test_who_may_open_a_project_for_whom(house: SubmissionsHouse) -> None:
    ada, ben = await house.someone("Ada"), await house.someone("Ben")
    organisation, platform = await house.platform()
    other_organisation, reader = await house.platform("read")
    body = {"title": "Work"}
    await ada.post("/v1/projects", body | {"person": ben.person}, 403)
    await platform.post("/v1/projects", body, 400)
    await platform.post("/v1/projects", body | {"person": "prs_00000000000000000000000000"}, 404)
    await platform.post("/v1/projects", body | {"person": ada.person, "organisation": other_organisation}, 403)
    await reader.post("/v1/projects", body | {"person": ada.person}, 403)
    await ada.post("/v1/projects", body | {"organisation": "the platform"}, 400)
    await ada.post("/v1/projects", body | {"owner": ada.person}, 400)
    await ada.post("/v1/projects", {"title": "two\nlines"}, 400)
    assert (await house.told(ada.person), await house.told(ben.person)) == ([], [])
    project = await house.operator.post("/v1/projects", body | {"person": ada.person, "organisation": organisation})
    assert project["organisation"] == organisation


async def test_a_test_key_neither_makes_nor_sees_nor_marks_real_work(house: SubmissionsHouse, bundle: bytes) -> None:
    organisation, _ = await house.platform()
    ada = await house.someone()
    submission, one, other = await house.in_review(ada, bundle, organisation=organisation)
    project = (await ada.get(f"/v1/submissions/{submission}"))["project"]
    facts = await house.stream(ada.person)
    trial = await house.key(organisation, "write", "read", "review", "admin", is_test=True)
    refusal = await trial.post("/v1/projects", {"title": "Work", "person": ada.person}, 403)
    assert "a test key sees test data only" in str(refusal)
    assert (await trial.send_bundle(project, bundle)).status_code == 403
    await trial.post(f"/v1/submissions/{submission}/reviewers", {"reviewers": [one.person, other.person]}, 403)
    for place in (f"projects/{project}", f"submissions/{submission}"):
        await trial.get(f"/v1/{place}", 403)
    for place in (f"projects/{project}/submissions", f"submissions/{submission}/reviews"):
        await trial.get(f"/v1/{place}", 403)
    assert await house.stream(ada.person) == facts


async def test_nobody_submits_to_or_sees_the_project_of_another(house: SubmissionsHouse, bundle: bytes) -> None:
    project = await (await house.someone()).project()
    eve = await house.someone("Eve")
    assert (await eve.send_bundle(project, bundle)).status_code == 404
    await eve.get(f"/v1/projects/{project}", 404)
    await eve.get(f"/v1/projects/{project}/submissions", 404)
    assert (await eve.get("/v1/projects"))["items"] == []


@pytest.mark.parametrize(
    "path",
    ["/v1/projects/{}", "/v1/projects/{}/submissions", "/v1/submissions/{}", "/v1/submissions/{}/reviews"],
)
@pytest.mark.parametrize("name", ["", "x", "prj_%00", "sub_\u00e9", "prs_00000000000000000000000000", "%FF"])
async def test_an_id_that_is_none_is_not_found(house: SubmissionsHouse, path: str, name: str) -> None:
    response = await house.operator.send("GET", path.format(name))
    assert response.status_code in (400, 404, 405), response.text


async def test_without_a_credential_nothing_is_answered(house: SubmissionsHouse) -> None:
    for path in ("/v1/projects", "/v1/submissions/sub_00000000000000000000000000"):
        assert (await house.http.get(path)).status_code == 401


async def test_the_database_shows_a_door_its_own_rows_only(house: SubmissionsHouse, bundle: bytes) -> None:
    """The policies alone are asked, past all code of ours."""
    ada = await house.someone()
    organisation, _ = await house.platform()
    submission, one, other = await house.in_review(ada, bundle, organisation=organisation)
    await one.give(submission, FIVES)
    await other.give(submission, THREES)
    stranger, _ = await house.platform()

    async def counts(of: str | None, people: str = "{}") -> list[int]:
        async with house.backbone.door(of) as tx:
            await tx.connection.execute("SELECT set_config('deedlog.people', $1, true)", people)
            return [await tx.connection.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES]

    assert await counts(stranger) == await counts(None) == await counts("") == [0, 0, 0, 0]
    assert await counts(organisation) == await counts(None, f"{{{ada.person}}}") == [1, 1, 6, 2]
    assert await counts(None, f"{{{one.person}}}") == [0, 1, 6, 2]


async def test_who_is_known_under_an_older_id_still_sees_their_work(house: SubmissionsHouse, bundle: bytes) -> None:
    older, ada = await house.someone("Ada, long ago"), await house.someone()
    submission = await house.accepted(ada, bundle)
    project = (await ada.get(f"/v1/submissions/{submission}"))["project"]
    await house.link(older, ada)
    for session in (older, ada):
        assert [item["id"] for item in (await session.get("/v1/projects"))["items"]] == [project]
        assert (await session.get(f"/v1/submissions/{submission}"))["author"] == ada.person
        assert (await session.send_bundle(project, bundle)).status_code == 200
    async for _ in house.backbone.rebuild(is_check_only=True):
        pass


async def test_an_erased_person_leaves_emptied_facts_and_nothing_else(
    house: SubmissionsHouse, bundle: bytes, tmp_path: Path
) -> None:
    ada, dan = await house.someone(), await house.someone("Dan")
    own = work(tmp_path / "own", "print('mine alone')\n")
    submission, one, other = await house.in_review(ada, own)
    await one.give(submission, FIVES)
    shared = await house.accepted(ada, bundle)
    await ada.post("/v1/projects", {"title": "A kept title"}, idempotency_key="kept")
    dans, first, _ = await house.in_review(dan, bundle)
    await first.give(dans, FIVES, "a note of the first reviewer's")
    for person in (ada, first):
        await Client(house.identity.http, person.secret).post("/v1/erasures", {"person": person.person})

    async def is_gone() -> bool:
        return bool((await house.told(ada.person))[-1:]) and isinstance((await house.told(ada.person))[-1], FactsErased)

    await until(is_gone)
    *emptied, _ = await house.told(ada.person)
    assert emptied
    assert set(emptied) == {None}
    for gone in (submission, shared):
        await house.operator.get(f"/v1/submissions/{gone}", 404)
    async with house.backbone.reading() as connection:
        assert not await connection.fetchval("SELECT count(*) FROM projects WHERE owner = $1", ada.person)
        assert not await connection.fetchval("SELECT count(*) FROM idempotency_keys WHERE key = 'kept'")
    assert digest_text(sha256(own)) not in house.bundles()
    assert digest_text(sha256(bundle)) in house.bundles()
    await until(lambda: _has_no_note(house, dans))
    assert (await dan.get(f"/v1/submissions/{dans}"))["state"] == "in_review"
    await other.get(f"/v1/submissions/{submission}", 404)


async def _has_no_note(house: SubmissionsHouse, submission: str) -> bool:
    async with house.backbone.reading() as connection:
        rows = await connection.fetch("SELECT note, marks FROM reviews WHERE submission = $1", submission)
    return [row[0] for row in rows] == [""] and bool(rows[0][1])
