"""Alignments over HTTP: whole tables in versions, for earlier statements too, each organisation's its own."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from services.skill_inference.handlers.adopting import VERSIONS_KEPT
from shared.events.skill_estimates import EstimateWithdrawn
from shared.kernel.ids import system_id
from shared.runtime import faults
from shared.runtime.auth import Principal
from tests.suites.skill_inference.house import House, Tenant, line, table
from tests.unit.skill_inference.people import APIS, DRIFT

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUIZ = "https://lms.example/quiz/7"
EXAM = "https://lms.example/exam/1"


async def test_a_table_comes_into_force_as_a_version_and_is_answered_as_it_was_sent(tenant: Tenant) -> None:
    sent = table(line(QUIZ, APIS), f'"{EXAM}",{DRIFT},-1.5,named-reviewer,')
    answer = await tenant.put(sent)
    assert answer.status_code == 200
    assert (answer.json()["version"], answer.json()["lines"], answer.json()["activities"]) == (1, 2, 2)
    assert answer.json()["is_new"] is True
    read = await tenant.house.http.get("/v1/alignments", headers=tenant.caller(("read",)))
    assert read.text == sent
    assert read.headers["etag"] == answer.headers["etag"] == '"v1"'
    assert read.headers["content-type"] == "text/csv; charset=utf-8"


async def test_the_same_table_again_is_the_same_version(tenant: Tenant) -> None:
    answers = [(await tenant.put(table(line(QUIZ, APIS)))).json() for _ in range(2)]
    assert [answer["version"] for answer in answers] == [1, 1]
    assert [answer["is_new"] for answer in answers] == [True, False]


async def test_late_alignments_hold_for_earlier_statements(house: House, tenant: Tenant) -> None:
    person = system_id("person")
    await house.hear([house.owners.statement(person, tenant.id, activity) for activity in (QUIZ, EXAM)])
    assert await house.told(person) == []
    await tenant.align(line(QUIZ, APIS))
    assert set(await house.standing(person)) == {APIS}
    await tenant.align(line(QUIZ, APIS), line(EXAM, DRIFT))
    assert set(await house.standing(person)) == {APIS, DRIFT}


async def test_what_is_aligned_no_longer_is_withdrawn(house: House, tenant: Tenant) -> None:
    await tenant.align(line(QUIZ, APIS))
    person = system_id("person")
    await house.hear(house.owners.statement(person, tenant.id, QUIZ))
    await tenant.align()
    assert (await house.told(person))[-1] == EstimateWithdrawn(skill=APIS, reason="no-evidence")
    assert await house.estimates(person) == {}


async def test_a_changed_difficulty_revises_those_who_were_heard_under_the_old_one(
    house: House, tenant: Tenant
) -> None:
    await tenant.align(line(QUIZ, APIS, 0.0))
    person = system_id("person")
    await house.hear(house.owners.statement(person, tenant.id, QUIZ))
    easy = (await house.standing(person))[APIS].mean
    await tenant.align(line(QUIZ, APIS, 4.0))
    assert (await house.standing(person))[APIS].mean > easy + 0.1
    digests = await house.rebuild()
    assert digests.live_digest == digests.rebuilt_digest


async def test_alignments_hold_for_their_own_organisation_only(house: House, tenant: Tenant) -> None:
    other = house.organisation()
    await tenant.align(line(QUIZ, APIS))
    person = system_id("person")
    await house.hear(house.owners.statement(person, other.id, QUIZ))
    assert await house.told(person) == []
    assert (await house.http.get("/v1/alignments", headers=other.caller())).status_code == 404


async def test_bad_lines_are_answered_one_by_one_and_nothing_comes_into_force(tenant: Tenant) -> None:
    good = line(QUIZ, APIS)
    answer = await tenant.put(table(good, line(EXAM, "integration.magic"), f"{EXAM},{DRIFT},often,automated-check,1"))
    assert answer.status_code == 400
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/3/skill", "/4/difficulty"]
    assert all(fault["mend"] for fault in answer.json()["errors"])
    assert (await tenant.house.http.get("/v1/alignments", headers=tenant.caller())).status_code == 404


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"\xff\xfe,", 400),
        (b"activity_id,skill\n", 400),
        (table(line(QUIZ, APIS)).encode() + b"\x00", 400),
        (b'activity_id,skill,difficulty,assurance\n"unclosed,', 400),
        (table(line(QUIZ, APIS, assurance="deployment")).encode(), 400),
        (b"x" * ((8 << 20) + 1), 413),
    ],
    ids=["not UTF-8", "no header", "NUL", "unclosed quote", "a deployment", "too large"],
)
async def test_what_is_no_table_is_refused(tenant: Tenant, content: bytes, status: int) -> None:
    answer = await tenant.put(content)
    assert answer.status_code == status, answer.text
    assert answer.json()["errors"][0]["mend"]


async def test_a_small_body_that_inflates_beyond_the_bound_is_refused(tenant: Tenant) -> None:
    answer = await tenant.put(gzip.compress(b"x" * (9 << 20)), content_encoding="gzip")
    assert answer.status_code == 413


async def test_another_media_type_is_refused(tenant: Tenant) -> None:
    assert (await tenant.put(table(), content_type="application/xml")).status_code == 415


async def test_who_may_change_alignments(house: House, tenant: Tenant) -> None:
    sent = table(line(QUIZ, APIS))
    assert (await tenant.put(sent, tenant.caller(("read",)))).status_code == 403
    assert (await tenant.put(sent, tenant.caller(("write",), is_test=True))).status_code == 403
    assert (await tenant.put(sent, {"authorization": "Bearer nobody"})).status_code == 401
    person = Principal("person", "ses_1", None, None, frozenset({"write"}))
    assert (await tenant.put(sent, house.secret(person))).status_code == 403
    assert (await tenant.put(sent, tenant.caller(("write",)))).status_code == 200


async def test_an_operator_names_the_organisation_and_a_key_no_other(house: House, tenant: Tenant) -> None:
    operator = house.secret(Principal("admin", "admin", scopes=frozenset({"admin"})))
    csv = {"content-type": "text/csv"}
    path = f"/v1/alignments?organisation={tenant.id}"
    assert (await house.http.put("/v1/alignments", content=table(), headers=csv | operator)).status_code == 400
    assert (await house.http.put(path, content=table(line(QUIZ, APIS)), headers=csv | operator)).status_code == 200
    assert (await house.http.get(path, headers=house.organisation().caller())).status_code == 403
    assert (await house.http.get(path, headers=tenant.caller())).status_code == 200


async def test_a_change_on_an_old_version_is_refused_where_the_caller_names_it(tenant: Tenant) -> None:
    assert (await tenant.put(table(line(QUIZ, APIS)), if_match='"v1"')).status_code == 412
    assert (await tenant.put(table(line(QUIZ, APIS)))).status_code == 200
    assert (await tenant.put(table(line(EXAM, APIS)), if_match='"v1"')).status_code == 200
    assert (await tenant.put(table(line(QUIZ, DRIFT)), if_match='"v1"')).status_code == 412


async def test_adoptions_at_once_become_versions_one_after_another(tenant: Tenant) -> None:
    tables = [table(line(f"{QUIZ}/{number}", APIS)) for number in range(8)]
    answers = await asyncio.gather(*(tenant.put(one) for one in tables))
    assert sorted(answer.json()["version"] for answer in answers) == list(range(1, 9))


async def test_old_versions_are_let_go(house: House, tenant: Tenant) -> None:
    for number in range(VERSIONS_KEPT + 2):
        assert (await tenant.put(table(line(f"{QUIZ}/{number}", APIS)))).status_code == 200
    await house.settle()
    (row,) = await house.rows(
        "SELECT min(version), max(version) FROM alignment_tables WHERE organisation = $1", tenant.id
    )
    assert (row[0], row[1]) == (3, VERSIONS_KEPT + 2)


async def test_a_batch_under_way_and_an_adoption_never_miss_each_other(house: House, tenant: Tenant) -> None:
    """Batches with new people are applied while tables come and go; in the end everybody stands under the last."""
    people = [system_id("person") for _ in range(60)]

    async def hear() -> None:
        for person in people:
            await house.hear(house.owners.statement(person, tenant.id, QUIZ))

    async def adopt() -> None:
        for number in range(9):
            await tenant.put(table(line(QUIZ, (APIS, DRIFT)[number % 2], float(number))))

    await asyncio.gather(hear(), adopt())
    await house.settle()
    standing = [await house.standing(person) for person in people]
    assert all(set(skills) == {APIS} for skills in standing)
    for person, told in zip(people, standing, strict=True):
        assert told[APIS].mean == (await house.estimates(person))[APIS].mean


async def test_an_adoption_waits_for_the_batch_that_read_the_alignments_before_it(house: House, tenant: Tenant) -> None:
    """The batch has looked and has not committed; a table comes; its sweep must find whom the batch kept."""
    person = system_id("person")
    has_applied, may_commit = asyncio.Event(), asyncio.Event()

    async def pause() -> None:
        has_applied.set()
        await may_commit.wait()

    with faults.arm("consumer.applied", pause):
        batch = asyncio.create_task(house.hear(house.owners.statement(person, tenant.id, QUIZ)))
        await has_applied.wait()
        adoption = asyncio.create_task(tenant.align(line(QUIZ, APIS)))
        await house.until_waiting(1)
        assert not adoption.done()
        may_commit.set()
        await asyncio.gather(batch, adoption)
    assert set(await house.standing(person)) == {APIS}
