"""Frameworks of organisations over HTTP: in versions, each organisation's own, and alignments that name them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import httpx
import pytest

from services.skill_inference.handlers.importing import FRAMEWORKS_MAX, VERSIONS_KEPT
from shared.kernel.ids import system_id
from tests.suites.skill_inference.house import House, Tenant, line, table
from tests.unit.skill_inference.people import APIS, DRIFT
from tests.unit.skill_inference.test_organisation_framework import DOCUMENT, package

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUIZ = "https://lms.example/quiz/7"


async def put(tenant: Tenant, document: Any, slug: str = "acme", **more: Any) -> httpx.Response:
    headers = {**tenant.caller(), **more.pop("headers", {})}
    return await tenant.house.http.put(f"/v1/frameworks/{slug}", json=document, headers=headers, params=more)


async def tried(tenant: Tenant, document: Any, slug: str = "acme", **more: Any) -> dict[str, Any]:
    path = f"/v1/frameworks/{slug}:validate"
    answer = await tenant.house.http.post(path, json=document, headers=tenant.caller(), params=more)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def get(tenant: Tenant, path: str = "", **headers: str) -> httpx.Response:
    return await tenant.house.http.get(f"/v1/frameworks{path}", headers={**tenant.caller(("read",)), **headers})


def mapped_to(skill: str | None) -> Any:
    document = deepcopy(DOCUMENT)
    if skill is None:
        del document["skills"][0]["mapping"]
    else:
        document["skills"][0]["mapping"][0]["skill"] = skill
    return document


async def test_a_framework_comes_into_force_as_a_version_and_is_answered_as_it_was_sent(tenant: Tenant) -> None:
    answer = await put(tenant, DOCUMENT)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["version"], told["skills"], told["mapped"], told["is_new"]) == (1, 2, 1, True)
    read = await get(tenant, "/acme")
    assert (read.json(), read.headers["etag"]) == (DOCUMENT, '"v1"')
    assert (await get(tenant, "/acme", **{"if-none-match": '"v1"'})).status_code == 304
    again = (await put(tenant, DOCUMENT)).json()
    assert (again["version"], again["is_new"]) == (1, False)


async def test_a_framework_is_seen_by_its_own_organisation_only(house: House, tenant: Tenant) -> None:
    await put(tenant, DOCUMENT)
    other = house.organisation()
    assert (await get(other)).json()["items"] == []
    assert (await get(other, "/acme")).status_code == 404
    assert (await get(other, f"/{tenant.id}/acme/skills/A%201")).status_code == 404
    assert (await house.http.get("/v1/frameworks/acme")).status_code == 401
    named = await other.put(table(line(QUIZ, "acme:A 1")))
    assert named.json()["errors"][0]["pointer"] == "/2/skill"


async def test_the_iri_of_a_skill_is_answered_with_its_levels_and_its_fate(tenant: Tenant) -> None:
    await put(tenant, DOCUMENT)
    skill = (await get(tenant, f"/{tenant.id}/acme/skills/A%201")).json()
    assert skill["iri"] == f"https://deedlog.example/v1/frameworks/{tenant.id}/acme/skills/A%201"
    assert (skill["ours"], [level["ours"] for level in skill["levels"]]) == (DRIFT, [0, 2, 4])
    assert (await get(tenant, f"/{tenant.id}/acme/skills/A%2F2")).json()["id"] == "A/2"
    await put(tenant, DOCUMENT | {"skills": DOCUMENT["skills"][1:]})
    assert (await get(tenant, f"/{tenant.id}/acme/skills/A%201")).json()["is_retired"] is True


async def test_faults_are_answered_with_their_places_and_nothing_comes_into_force(tenant: Tenant) -> None:
    answer = await put(tenant, mapped_to("integration.magic"))
    assert answer.status_code == 400
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/skills/0/mapping/0/skill"]
    assert (await get(tenant)).json()["items"] == []
    found = await tried(tenant, mapped_to("integration.magic"))
    assert (found["is_valid"], found["errors"]) == (False, answer.json()["errors"])
    assert (await put(tenant, DOCUMENT, "integration")).status_code == 400
    assert (await put(tenant, DOCUMENT, rights="ours")).json()["errors"][0]["pointer"] == "rights"


async def test_a_version_is_put_in_place_of_the_one_that_was_seen(tenant: Tenant) -> None:
    await put(tenant, DOCUMENT)
    assert (await put(tenant, mapped_to(APIS), headers={"if-match": '"v7"'})).status_code == 412
    assert (await put(tenant, mapped_to(APIS), headers={"if-match": '"v1"'})).json()["version"] == 2
    assert (await get(tenant, "/acme/versions/1")).json() == DOCUMENT
    assert [one["version"] for one in (await get(tenant, "/acme/versions")).json()["items"]] == [2, 1]
    assert (await get(tenant, "/acme/versions/3")).status_code == 404


async def test_the_last_versions_are_kept(tenant: Tenant) -> None:
    for number in range(VERSIONS_KEPT + 2):
        assert (await put(tenant, DOCUMENT | {"source": str(number)})).status_code == 200
    kept = [one["version"] for one in (await get(tenant, "/acme/versions")).json()["items"]]
    assert kept == list(range(VERSIONS_KEPT + 2, 2, -1))


async def test_an_organisation_has_a_bounded_number_of_frameworks(tenant: Tenant) -> None:
    for number in range(FRAMEWORKS_MAX):
        assert (await put(tenant, DOCUMENT, "a" * (number + 1))).status_code == 200
    assert (await put(tenant, DOCUMENT, "b")).status_code == 409
    assert (await put(tenant, mapped_to(APIS), "a")).status_code == 200


async def test_evidence_of_a_skill_of_theirs_is_evidence_of_ours(house: House, tenant: Tenant) -> None:
    await put(tenant, DOCUMENT)
    person = (await heard(house, tenant))[0]
    sent = table(line(QUIZ, "acme:A 1"))
    await tenant.align(line(QUIZ, "acme:A 1"))
    assert set(await house.standing(person)) == {DRIFT}
    read = await house.http.get("/v1/alignments", headers=tenant.caller(("read",)))
    assert read.text == sent
    rows = await house.http.get("/v1/alignments?format=json", headers=tenant.caller(("read",)))
    assert [row["skill"] for row in rows.json()["alignments"]] == [DRIFT]
    unmapped = await tenant.put(table(line(QUIZ, "acme:A/2")))
    assert unmapped.json()["errors"][0]["pointer"] == "/2/skill"


async def test_another_mapping_moves_whom_it_touches_and_is_told_beforehand(house: House, tenant: Tenant) -> None:
    await put(tenant, DOCUMENT)
    await tenant.align(line(QUIZ, "acme:A 1"))
    person = (await heard(house, tenant))[0]
    found = await tried(tenant, mapped_to(APIS))
    assert (found["version_in_force"], found["mapped_anew"]["first"], found["people"]["count"]) == (1, ["A 1"], 1)
    assert (await put(tenant, mapped_to(APIS))).status_code == 200
    await house.settle()
    assert set(await house.standing(person)) == {APIS}
    in_force = await house.http.get("/v1/alignments", headers=tenant.caller(("read",)))
    assert (in_force.headers["etag"], in_force.text) == ('"v2"', table(line(QUIZ, "acme:A 1")))
    digests = await house.rebuild()
    assert digests.live_digest == digests.rebuilt_digest


async def test_what_alignments_name_keeps_its_mapping_until_they_name_it_no_more(tenant: Tenant) -> None:
    await put(tenant, DOCUMENT)
    await tenant.align(line(QUIZ, "acme:A 1"))
    refused = await put(tenant, mapped_to(None))
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/skills")
    await tenant.align(line(QUIZ, DRIFT))
    assert (await put(tenant, mapped_to(None))).status_code == 200


async def test_evidence_of_a_retired_skill_stays_and_none_is_added(house: House, tenant: Tenant) -> None:
    await put(tenant, DOCUMENT)
    await tenant.align(line(QUIZ, "acme:A 1"))
    person = (await heard(house, tenant))[0]
    assert (await put(tenant, DOCUMENT | {"skills": DOCUMENT["skills"][1:]})).status_code == 200
    await house.settle()
    assert set(await house.standing(person)) == {DRIFT}
    anew = await tenant.put(table(line(QUIZ, "acme:A 1"), line("https://lms.example/quiz/8", "acme:A 1")))
    assert anew.status_code == 400


async def test_a_case_package_is_read_with_what_the_query_says_of_it(tenant: Tenant) -> None:
    found = await tried(tenant, package(), rights="ours", levels="1,3")
    assert (found["is_valid"], found["skills"], found["mapped"], found["passed_over"]) == (True, 2, 1, 1)
    assert [fault["pointer"] for fault in (await tried(tenant, package(), levels="1,3"))["errors"]] == ["rights"]
    assert (await put(tenant, package(), rights="ours", levels="1,3", related="close")).json()["mapped"] == 2
    ends = {"originNodeURI": {"uri": QUIZ}, "destinationNodeURI": {"uri": "https://acme.example/items/a"}}
    aligned = await tenant.house.http.put(
        "/v1/alignments?assurance=automated-check",
        json={"CFAssociations": [{"associationType": "exemplar", **ends}]},
        headers=tenant.caller(),
    )
    assert aligned.status_code == 200, aligned.text
    rows = await tenant.house.http.get("/v1/alignments?format=json", headers=tenant.caller(("read",)))
    assert [row["skill"] for row in rows.json()["alignments"]] == [DRIFT]


@pytest.mark.parametrize("query", [{"levels": "1,7"}, {"related": "far"}, {"meaning": "lost"}, {"other": "1"}])
async def test_what_the_query_says_is_held_to_what_is_known(tenant: Tenant, query: dict[str, str]) -> None:
    answer = await put(tenant, package(), **({"rights": "ours"} | query))
    assert [fault["pointer"] for fault in answer.json()["errors"]] == list(query)


async def heard(house: House, tenant: Tenant) -> list[str]:
    """Return somebody of whom a success at QUIZ was heard."""
    fact = house.owners.statement(system_id("person"), tenant.id, QUIZ)
    await house.hear([fact])
    return [fact.subject]
