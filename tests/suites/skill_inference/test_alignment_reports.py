"""Reports on alignments: what is seen and not aligned, what it may show, and which statements moved whom."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from services.skill_inference.handlers import effects, unaligned
from services.skill_inference.store import unaligned as counted
from shared.events.project_submissions import Mark
from shared.events.sources import LEARNING_EVENTS
from shared.kernel.clock import rfc3339
from shared.kernel.ids import system_id
from tests.suites.skill_inference.house import House, Tenant, line, table
from tests.suites.skill_inference.owners import NOW
from tests.unit.skill_inference.people import APIS, DRIFT

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUIZ = "https://lms.example/quiz/7"
EXAM = "https://lms.example/exam/1"
DRIFTS = "https://lms.example/quiz/drift-detection"


async def report(tenant: Tenant, path: str, caller: Mapping[str, str] | None = None) -> Any:
    """Return a report."""
    headers = caller or tenant.caller(("read",))
    answer = await tenant.house.http.get(f"/v1/alignments/{path}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def every_page(tenant: Tenant, path: str) -> list[Any]:
    """Return the items of all pages."""
    found, cursor = [], ""
    for _ in range(200):
        read = await report(tenant, path + cursor)
        found += read["items"]
        if not read["has_more"]:
            return found
        cursor = f"&cursor={read['next_cursor']}"
    raise AssertionError("the list never ends")


# Unaligned


async def test_activities_that_were_seen_and_are_not_aligned_are_listed_with_what_waits(
    house: House, tenant: Tenant
) -> None:
    ann, ben = system_id("person"), system_id("person")
    late = NOW - timedelta(hours=1)
    await house.hear(
        house.owners.statement(ann, tenant.id, DRIFTS, at=NOW - timedelta(days=3)),
        house.owners.statement(ann, tenant.id, DRIFTS, at=late),
        house.owners.statement(ben, tenant.id, DRIFTS, at=NOW - timedelta(days=9)),
        house.owners.statement(ben, tenant.id, QUIZ),
        house.owners.statement(ben, tenant.id, EXAM, success=None),
        house.owners.statement(ben, tenant.id, "x:test", is_test=True),
    )
    await tenant.align(line(QUIZ, APIS))
    (found,) = (await report(tenant, "unaligned"))["items"]
    assert (found["activity"], found["statements"], found["people"]) == (DRIFTS, 3, 2)
    assert (found["last_seen_at"], found["is_at_least"]) == (rfc3339(late), False)
    assert found["suggestions"][0]["skill"] == DRIFT
    assert {"word": "drift", "found_in": "name"} in found["suggestions"][0]["words"]
    await tenant.align(line(QUIZ, APIS), line(DRIFTS, DRIFT))
    assert (await report(tenant, "unaligned"))["items"] == []


async def test_unaligned_activities_come_in_pages_each_once(house: House, tenant: Tenant) -> None:
    person = system_id("person")
    names = [f"https://lms.example/é/{'ü' * (number * 50)}" for number in range(9)]
    await house.hear([house.owners.statement(person, tenant.id, name) for name in names])
    await tenant.align(line(names[4], APIS))
    found = [one["activity"] for one in await every_page(tenant, "unaligned?limit=3")]
    assert sorted(found) == sorted(name for name in names if name != names[4])


async def test_a_page_looks_at_a_bounded_number_of_activities_and_goes_on(
    house: House, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unaligned, "SCANNED_MAX", 3)
    names = [f"x:{number}" for number in range(8)]
    await house.hear([house.owners.statement(system_id("person"), tenant.id, name) for name in names])
    await tenant.align(*(line(name, APIS) for name in names[:7]))
    first = await report(tenant, "unaligned")
    assert (first["items"], first["has_more"]) == ([], True)
    assert [one["activity"] for one in await every_page(tenant, "unaligned?limit=2")] == ["x:7"]


async def test_statements_beyond_the_bound_are_told_as_at_least(
    house: House, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counted, "TALLIED_MAX", 2)
    monkeypatch.setattr(counted, "STATEMENTS_MAX", 2)
    await house.hear([house.owners.statement(system_id("person"), tenant.id, QUIZ) for _ in range(3)])
    (found,) = (await report(tenant, "unaligned"))["items"]
    assert (found["statements"], found["is_at_least"]) == (2, True)
    headers = tenant.caller() | {"content-type": "text/csv"}
    tried = await house.http.post("/v1/alignments:validate", content=table(line(QUIZ, APIS)), headers=headers)
    assert tried.json()["people"]["is_at_least"] is True


async def test_what_an_organisation_sees_is_its_own(house: House, tenant: Tenant) -> None:
    person, other = system_id("person"), house.organisation()
    await house.hear(house.owners.statement(person, tenant.id, QUIZ, statement="s-1"))
    assert (await report(other, "unaligned"))["items"] == []
    assert (await report(other, f"effects?activity={quote(QUIZ)}"))["items"] == []
    assert (await report(other, "effects?statement=s-1"))["items"] == []
    async with house.backbone.door(other.id) as tx:
        for name in ("statements", "voidings"):
            assert await tx.connection.fetchval(f"SELECT count(*) FROM {name}") == 0
    async with house.backbone.door(None) as tx:
        assert await tx.connection.fetchval("SELECT count(*) FROM statements") == 0


@pytest.mark.parametrize(
    "path",
    [
        "unaligned?limit=0",
        "unaligned?cursor=x",
        "unaligned?cursor=WyJ1bmFsaWduZWQiLCJcdTAwMDAiXQ",
        "unaligned?page=2",
        "effects",
        "effects?activity=x&statement=y",
        "effects?activity=%00",
        "effects?statement=",
        "effects?activity=x&cursor=WyJ1bmFsaWduZWQiLCJhIl0",
    ],
)
async def test_a_report_that_cannot_be_asked_for_is_refused(tenant: Tenant, path: str) -> None:
    answer = await tenant.house.http.get(f"/v1/alignments/{path}", headers=tenant.caller(("read",)))
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["mend"]


async def test_a_position_beyond_all_numbers_is_the_end(tenant: Tenant) -> None:
    # ["alignment-effects","z",9007199254740992000000]
    cursor = "WyJhbGlnbm1lbnQtZWZmZWN0cyIsInoiLDkwMDcxOTkyNTQ3NDA5OTIwMDAwMDBd"
    answer = await tenant.house.http.get(
        f"/v1/alignments/effects?activity=x&cursor={cursor}", headers=tenant.caller(("read",))
    )
    assert answer.status_code in {200, 400}


async def test_who_may_read_reports(house: House, tenant: Tenant) -> None:
    for path, scopes, status in (
        ("unaligned", ("write",), 200),
        ("unaligned", ("profile",), 403),
        ("effects?activity=x", ("read",), 200),
        ("effects?activity=x", ("write",), 403),
        ("effects?activity=x", ("read/mine",), 403),
    ):
        answer = await house.http.get(f"/v1/alignments/{path}", headers=tenant.caller(scopes))
        assert answer.status_code == status, (path, scopes)
    test_key = tenant.caller(("read",), is_test=True)
    assert (await house.http.get("/v1/alignments/unaligned", headers=test_key)).status_code == 403


async def test_suggestions_are_made_for_names_that_ids_do_not_tell(house: House, tenant: Tenant) -> None:
    await tenant.align(line("https://lms.example/zeppelin-1", APIS))
    asked = {
        "activities": [
            {"activity": "uuid://1", "name": "Incident response drill"},
            {"activity": "uuid://2"},
            {"activity": "https://lms.example/zeppelin-2"},
        ]
    }
    answer = await house.http.post("/v1/alignments:suggest", json=asked, headers=tenant.caller())
    found = {one["activity"]: [each["skill"] for each in one["suggestions"]] for one in answer.json()["items"]}
    assert found["uuid://1"][0] == "operationalization.incidents"
    assert found["uuid://2"] == []
    assert found["https://lms.example/zeppelin-2"] == [APIS]
    wrongs: list[dict[str, Any]] = [
        {"activities": []},
        {"activities": [{"activity": "x", "title": "y"}]},
        {"activities": [{"activity": "x"}] * 101},
    ]
    for wrong in wrongs:
        refused = await house.http.post("/v1/alignments:suggest", json=wrong, headers=tenant.caller())
        assert refused.status_code == 400


# Effects


async def test_effects_are_the_contributions_that_explain_the_estimate(house: House, tenant: Tenant) -> None:
    await tenant.align(line(QUIZ, APIS, 1.0))
    person = system_id("person")
    marks = [Mark(criterion="c", skill=APIS, layer="", value=4)]
    facts = [
        house.owners.statement(person, tenant.id, QUIZ, at=NOW - timedelta(days=day), success=day % 2 == 0)
        for day in range(4)
    ]
    await house.hear([*facts, house.owners.review(person, "prj_1", system_id("person"), marks)])
    expected = {one.fact: one.logits for one in (await house.estimates(person))[APIS].contributions}
    found = (await report(tenant, f"effects?activity={quote(QUIZ)}"))["items"]
    assert [one["person"] for one in found] == [person] * 4
    for fact, one in zip(facts, found, strict=True):
        assert one["state"] == "observed"
        assert one["moved"] == [{"skill": APIS, "logits": round(expected[fact.id], 6)}]
        assert one["taken_back"] == []


async def test_a_voided_statement_tells_what_was_taken_back(house: House, tenant: Tenant) -> None:
    await tenant.align(line(QUIZ, APIS, 1.0), line(EXAM, APIS))
    person = system_id("person")
    await house.hear(
        house.owners.statement(person, tenant.id, QUIZ, at=NOW - timedelta(days=2), statement="s-void"),
        house.owners.statement(person, tenant.id, EXAM, at=NOW - timedelta(days=1), statement="s-stays"),
    )
    (before,) = (await report(tenant, "effects?statement=s-void"))["items"]
    await house.hear(house.owners.voided(person, tenant.id, "s-void"))
    (after,) = (await report(tenant, "effects?statement=s-void"))["items"]
    assert (after["state"], after["moved"]) == ("voided", [])
    assert after["taken_back"] == before["moved"] != []
    assert before["moved"][0]["logits"] > 0
    (stays,) = (await report(tenant, "effects?statement=s-stays"))["items"]
    answered = {one.fact: one.logits for one in (await house.estimates(person))[APIS].contributions}
    assert [one["logits"] for one in stays["moved"]] == [round(one, 6) for one in answered.values()]


async def test_a_statement_voided_under_another_id_of_the_person_is_taken_back_and_the_other_id_is_not_told(
    house: House, tenant: Tenant
) -> None:
    await tenant.align(line(QUIZ, APIS))
    person, alias = system_id("person"), system_id("person")
    await house.hear(house.owners.statement(alias, tenant.id, QUIZ, statement="s-alias"))
    await house.hear(house.owners.merged(person, alias))
    await house.hear(house.owners.voided(person, tenant.id, "s-alias"))
    (found,) = (await report(tenant, f"effects?activity={quote(QUIZ)}"))["items"]
    assert (found["person"], found["state"]) == (alias, "voided")
    assert found["taken_back"][0]["logits"] > 0


async def test_what_is_not_aligned_or_carries_no_weight_moves_nobody(house: House, tenant: Tenant) -> None:
    await tenant.align(line(EXAM, APIS, assurance="self-claim"))
    person = system_id("person")
    await house.hear([house.owners.statement(person, tenant.id, one) for one in (QUIZ, EXAM)])
    (not_aligned,) = (await report(tenant, f"effects?activity={quote(QUIZ)}"))["items"]
    assert (not_aligned["state"], not_aligned["moved"]) == ("not-aligned", [])
    (weightless,) = (await report(tenant, f"effects?activity={quote(EXAM)}"))["items"]
    assert (weightless["state"], weightless["moved"]) == ("observed", [{"skill": APIS, "logits": 0.0}])


async def test_only_the_skills_that_the_activity_shows_are_told(house: House, tenant: Tenant) -> None:
    other = house.organisation()
    await tenant.align(line(QUIZ, APIS))
    await other.align(line(EXAM, DRIFT))
    person = system_id("person")
    await house.hear(house.owners.statement(person, tenant.id, QUIZ), house.owners.statement(person, other.id, EXAM))
    (found,) = (await report(tenant, f"effects?activity={quote(QUIZ)}"))["items"]
    assert [one["skill"] for one in found["moved"]] == [APIS]


async def test_effects_come_in_pages_that_fold_no_more_than_their_bound(
    house: House, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tenant.align(line(QUIZ, APIS))
    people = sorted(system_id("person") for _ in range(4))
    await house.hear([house.owners.statement(one, tenant.id, QUIZ) for one in people for _ in range(3)])
    path = f"effects?activity={quote(QUIZ)}&limit=5"
    assert [len((await report(tenant, path))["items"])] == [5]
    assert [one["person"] for one in await every_page(tenant, path)] == [one for one in people for _ in range(3)]
    monkeypatch.setattr(effects, "FOLDED_MAX", 4)
    assert [one["person"] for one in (await report(tenant, path))["items"]] == people[:1] * 3
    assert [one["person"] for one in await every_page(tenant, path)] == [one for one in people for _ in range(3)]


async def test_an_erased_person_is_in_no_report(house: House, tenant: Tenant) -> None:
    await tenant.align(line(QUIZ, APIS))
    person = system_id("person")
    await house.hear([house.owners.statement(person, tenant.id, one, statement=f"s {one}") for one in (QUIZ, EXAM)])
    await house.hear(house.owners.voided(person, tenant.id, f"s {QUIZ}"))
    await house.hear(house.owners.erased(LEARNING_EVENTS, person))
    assert (await report(tenant, "unaligned"))["items"] == []
    assert (await report(tenant, f"effects?activity={quote(QUIZ)}"))["items"] == []
    assert (await report(tenant, f"effects?statement={quote(f's {QUIZ}')}"))["items"] == []


async def test_reports_go_on_after_a_rebuild_and_keep_to_their_organisation(house: House, tenant: Tenant) -> None:
    await tenant.align(line(EXAM, APIS))
    person, other = system_id("person"), house.organisation()
    await house.hear([house.owners.statement(person, tenant.id, one) for one in (QUIZ, EXAM)])
    paths = ("unaligned", f"effects?activity={quote(EXAM)}")
    before = [await report(tenant, path) for path in paths]
    digests = await house.rebuild(is_check_only=False)
    assert digests.live_digest == digests.rebuilt_digest
    assert [await report(tenant, path) for path in paths] == before
    assert [one["activity"] for one in before[0]["items"]] == [QUIZ]
    assert (await report(other, "unaligned"))["items"] == []
