"""Alignments over HTTP in every form: sent, tried, kept as versions, compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from services.skill_inference.handlers.adopting import VERSIONS_KEPT
from services.skill_inference.http.answers import CHANGES_SHOWN_MAX
from shared.kernel.ids import system_id
from tests.suites.skill_inference.house import House, Tenant, line, table
from tests.unit.skill_inference.people import APIS, DRIFT

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUIZ = "https://lms.example/quiz/7"
EXAM = "https://lms.example/exam/1"
JSON = {"content-type": "application/json"}
CSV = {"content-type": "text/csv"}
ROW = {"activity": QUIZ, "skill": APIS, "difficulty": 0.5, "assurance": "automated-check"}
PACKAGE = {
    "CFDocument": {"title": "our course"},
    "CFAssociations": [
        {
            "associationType": "isRelatedTo",
            "originNodeURI": {"uri": QUIZ},
            "destinationNodeURI": {"uri": f"https://deedlog.example/v1/framework/skills/{DRIFT}"},
        },
        {"associationType": "isChildOf", "originNodeURI": {"uri": "x:1"}, "destinationNodeURI": {"uri": "x:2"}},
    ],
}


async def put(tenant: Tenant, document: Any, query: str = "") -> httpx.Response:
    """Send a document of JSON as alignments."""
    headers = tenant.caller() | JSON
    return await tenant.house.http.put(f"/v1/alignments{query}", content=json.dumps(document), headers=headers)


async def get(tenant: Tenant, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """Read something of the tenant's alignments."""
    return await tenant.house.http.get(f"/v1/alignments{path}", headers=headers or tenant.caller(("read",)))


async def tried(tenant: Tenant, content: str, kind: Mapping[str, str] = CSV, query: str = "") -> Any:
    """Return what a dry run answers."""
    path = f"/v1/alignments:validate{query}"
    answer = await tenant.house.http.post(path, content=content, headers=tenant.caller() | dict(kind))
    assert answer.status_code == 200, answer.text
    return answer.json()


# Forms


async def test_rows_of_json_come_into_force_and_judge_statements(house: House, tenant: Tenant) -> None:
    person = system_id("person")
    await house.hear(house.owners.statement(person, tenant.id, QUIZ))
    answer = await put(tenant, {"alignments": [ROW]})
    assert (answer.status_code, answer.json()["form"], answer.json()["lines"]) == (200, "json", 1)
    await house.settle()
    assert set(await house.standing(person)) == {APIS}
    kept = f"activity_id,skill,difficulty,assurance,weight\r\n{QUIZ},{APIS},0.5,automated-check,1\r\n"
    assert (await get(tenant, "")).text == kept
    assert (await get(tenant, "?format=json")).json() == {"alignments": [ROW | {"weight": 1.0}]}


async def test_associations_of_case_come_into_force_under_the_assurance_that_is_named(
    house: House, tenant: Tenant
) -> None:
    person = system_id("person")
    await house.hear(house.owners.statement(person, tenant.id, QUIZ))
    answer = await put(tenant, PACKAGE, "?assurance=named-reviewer&difficulty=-1")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["form"], answer.json()["passed_over"]) == ("case", 1)
    await house.settle()
    assert set(await house.standing(person)) == {DRIFT}
    (row,) = (await get(tenant, "?format=json")).json()["alignments"]
    assert (row["difficulty"], row["assurance"]) == (-1, "named-reviewer")


@pytest.mark.parametrize(
    ("document", "query", "pointer"),
    [
        ({"alignments": [ROW, ROW | {"skill": "x"}]}, "", "/alignments/1/skill"),
        ({"alignments": [ROW | {"dificulty": 1}]}, "", "/alignments/0/dificulty"),
        ({"alignments": [ROW]}, "?assurance=self-claim", "assurance"),
        ({"alignments": [ROW]}, "?difficulty=0", "difficulty"),
        (PACKAGE, "", "assurance"),
        (PACKAGE, "?assurance=deployment", "assurance"),
        (PACKAGE, "?assurance=self-claim&difficulty=9", "difficulty"),
        (PACKAGE, "?assurance=self-claim&difficulty=nan", "difficulty"),
        (PACKAGE, "?assurance=self-claim&dificulty=1", "dificulty"),
        ([], "", ""),
    ],
)
async def test_what_is_no_table_of_its_form_is_refused_with_its_place(
    tenant: Tenant, document: Any, query: str, pointer: str
) -> None:
    answer = await put(tenant, document, query)
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert answer.json()["errors"][0]["mend"]
    assert (await get(tenant, "")).status_code == 404


async def test_a_table_of_another_form_is_guarded_by_if_match_too(tenant: Tenant) -> None:
    await tenant.align(line(QUIZ, APIS))
    sent = json.dumps({"alignments": [ROW]})
    assert (await tenant.put(sent, content_type="application/json", if_match='"v2"')).status_code == 412
    assert (await tenant.put(sent, content_type="application/json", if_match='"v1"')).json()["version"] == 2


async def test_a_name_that_stands_twice_in_json_is_refused(tenant: Tenant) -> None:
    answer = await tenant.put('{"alignments": [], "alignments": []}', content_type="application/json")
    assert answer.status_code == 400


async def test_an_unknown_format_is_refused(tenant: Tenant) -> None:
    await tenant.align(line(QUIZ, APIS))
    assert (await get(tenant, "?format=xml")).status_code == 400


# Versions


async def test_versions_are_listed_newest_first_and_each_is_answered_as_it_was(tenant: Tenant) -> None:
    first, second = table(line(QUIZ, APIS)), table(line(QUIZ, APIS), line(EXAM, DRIFT))
    for sent in (first, second):
        await tenant.put(sent)
    found = (await get(tenant, "/versions")).json()
    assert [(one["version"], one["lines"], one["form"]) for one in found["items"]] == [(2, 2, "csv"), (1, 1, "csv")]
    assert found["has_more"] is False
    answer = await get(tenant, "/versions/1")
    assert (answer.text, answer.headers["etag"]) == (first, '"v1"')
    assert (await get(tenant, "/versions/2")).text == second


@pytest.mark.parametrize(("number", "status"), [("3", 404), ("0", 404), ("x", 400), ("99999999999", 400)])
async def test_a_version_that_is_not_kept_is_not_found(tenant: Tenant, number: str, status: int) -> None:
    await tenant.align(line(QUIZ, APIS))
    answer = await get(tenant, f"/versions/{number}")
    assert answer.status_code == status
    assert (await get(tenant, f"/changes?from={number}&to=1")).status_code == (200 if number == "0" else status)


async def test_what_differs_between_two_versions_is_told_by_activity(tenant: Tenant) -> None:
    await tenant.put(table(line(QUIZ, APIS), line(EXAM, DRIFT)))
    await tenant.put(table(line(QUIZ, APIS, 1.0), line("x:new", APIS)))
    found = (await get(tenant, "/changes?from=1&to=2")).json()["items"]
    assert [(one["activity"], one["change"]) for one in found] == [
        (EXAM, "removed"),
        (QUIZ, "changed"),
        ("x:new", "added"),
    ]
    assert (found[1]["before"]["difficulty"], found[1]["after"]["difficulty"]) == (0, 1)
    assert found[0]["after"] is None
    back = (await get(tenant, "/changes?from=2&to=1")).json()["items"]
    assert [one["change"] for one in back] == ["added", "changed", "removed"]


async def test_differences_come_in_pages_however_long_the_activities_are(tenant: Tenant) -> None:
    activities = [f"https://lms.example/é{'ü' * 2_000}{number}" for number in range(5)]
    await tenant.put(table(*(line(one, APIS) for one in activities)))
    seen, cursor = [], ""
    for _ in range(9):
        found = (await get(tenant, f"/changes?from=0&to=1&limit=2{cursor}")).json()
        seen += [one["activity"] for one in found["items"]]
        if not found["has_more"]:
            break
        cursor = f"&cursor={found['next_cursor']}"
    assert seen == activities


async def test_versions_are_the_organisations_own(house: House, tenant: Tenant) -> None:
    await tenant.align(line(QUIZ, APIS))
    other = house.organisation()
    assert (await get(other, "/versions")).json()["items"] == []
    for path in ("/versions/1", "/changes?from=0&to=1"):
        assert (await get(other, path)).status_code == 404
    await other.align(line(EXAM, DRIFT))
    assert (await get(other, "/versions/1")).text == table(line(EXAM, DRIFT))
    assert [one["activity"] for one in (await get(other, "/changes?from=0&to=1")).json()["items"]] == [EXAM]


async def test_versions_beyond_those_kept_are_gone(tenant: Tenant) -> None:
    for number in range(VERSIONS_KEPT + 1):
        await tenant.put(table(line(f"{QUIZ}/{number}", APIS)))
    assert (await get(tenant, "/versions/1")).status_code == 404
    assert len((await get(tenant, "/versions")).json()["items"]) == VERSIONS_KEPT


# Trying


async def test_a_dry_run_tells_what_would_change_and_whom_it_would_touch_and_changes_nothing(
    house: House, tenant: Tenant
) -> None:
    await tenant.align(line(QUIZ, APIS), line("x:stays", APIS), line("x:goes", APIS))
    people = [system_id("person") for _ in range(3)]
    for person, activity in zip(people, (QUIZ, "x:stays", EXAM), strict=True):
        await house.hear([house.owners.statement(person, tenant.id, activity) for _ in range(2)])
    wanted = table(line(QUIZ, DRIFT), line("x:stays", APIS), line(EXAM, APIS))
    found = await tried(tenant, wanted)
    assert found["is_valid"] is True
    assert (found["version_in_force"], found["lines"], found["activities"]) == (1, 3, 3)
    assert [found[kind]["count"] for kind in ("added", "changed", "removed")] == [1, 1, 1]
    assert found["changed"]["first"][0]["before"]["skills"] == [{"skill": APIS, "weight": 1.0}]
    assert found["people"] == {"count": 2, "is_at_least": False}
    assert (await get(tenant, "/versions")).json()["items"][0]["version"] == 1
    assert await tried(tenant, wanted) == found


async def test_a_dry_run_names_every_fault_that_putting_it_would(tenant: Tenant) -> None:
    for content, kind in (
        (table(line(QUIZ, "no.skill"), line(EXAM, APIS), f"{EXAM},{DRIFT},often,automated-check,1"), CSV),
        ("no table", CSV),
        (json.dumps({"alignments": [{}, ROW]}), JSON),
        (json.dumps(PACKAGE), JSON),
        ("{", JSON),
    ):
        found = await tried(tenant, content, kind)
        put_headers = tenant.caller() | kind
        refused = await tenant.house.http.put("/v1/alignments", content=content, headers=put_headers)
        assert refused.status_code == 400
        assert (found["is_valid"], found["errors"]) == (False, refused.json()["errors"])


async def test_a_dry_run_names_a_hundred_changes_and_counts_all(tenant: Tenant) -> None:
    found = await tried(tenant, table(*(line(f"x:{number:03}", APIS) for number in range(CHANGES_SHOWN_MAX + 1))))
    assert (found["added"]["count"], len(found["added"]["first"])) == (CHANGES_SHOWN_MAX + 1, CHANGES_SHOWN_MAX)


async def test_who_may_try_a_table(house: House, tenant: Tenant) -> None:
    path, sent = "/v1/alignments:validate", table()
    for caller, status in (
        (tenant.caller(("read",)), 403),
        (tenant.caller(("write",), is_test=True), 403),
        (tenant.caller(("write",)), 200),
    ):
        assert (await house.http.post(path, content=sent, headers=caller | CSV)).status_code == status
    xml = tenant.caller() | {"content-type": "text/xml"}
    assert (await house.http.post(path, content=sent, headers=xml)).status_code == 415
    large = await house.http.post(path, content=b"x" * ((8 << 20) + 1), headers=tenant.caller() | CSV)
    assert large.status_code == 413
