"""What one transaction cannot do is done by the next: bounds on folding and telling, moved people, rebuilds."""

from __future__ import annotations

import asyncio

import pytest

from services.skill_inference import jobs
from services.skill_inference.handlers import revising
from shared.events.erasure import FactsErased
from shared.events.sources import LEARNING_EVENTS, PROJECT_SUBMISSIONS
from shared.kernel.ids import system_id
from tests.suites.servers import Servers
from tests.suites.skill_inference.house import House, Tenant, inference_house, line
from tests.suites.skill_inference.test_hearing import marks
from tests.unit.skill_inference.people import APIS, DRIFT, RUBRIC

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUIZ = "https://lms.example/quiz/7"


async def waiting(house: House) -> int:
    """Return how many people wait to be revised."""
    (row,) = await house.rows("SELECT count(*) FROM put_off")
    return int(row[0])


async def test_a_batch_that_would_tell_too_much_tells_the_rest_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revising, "TOLD_MAX", 10)
    people = [system_id("person") for _ in range(5)]
    await house.reviser.stop()
    await house.hear([house.owners.review(person, "prj_1", "prs_r", marks(4)) for person in people])
    told = [len(await house.stream(person)) for person in people]
    assert sum(told) == 2 * len(RUBRIC)
    assert await waiting(house) == 3
    await house.settle()
    assert [len(await house.stream(person)) for person in people] == [len(RUBRIC)] * 5
    assert await waiting(house) == 0
    await house.reviser.start()


async def test_whoever_was_put_off_is_told_of_as_soon_as_the_batch_is_durable(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody rests first: the reviser is woken after the commit, when there is something to see."""
    monkeypatch.setattr(revising, "TOLD_MAX", 10)
    await house.reviser.stop()
    monkeypatch.setattr(jobs, "IDLE_SECONDS", 60.0)
    await house.reviser.start()
    await asyncio.sleep(0.2)
    people = [system_id("person") for _ in range(5)]
    await house.hear([house.owners.review(person, "prj_1", "prs_r", marks(4)) for person in people])
    async with asyncio.timeout(10.0):
        while await waiting(house):
            await asyncio.sleep(0.02)
    assert [len(await house.stream(person)) for person in people] == [len(RUBRIC)] * 5
    await house.reviser.stop()
    await house.reviser.start()


async def test_a_batch_that_would_fold_too_much_folds_the_rest_later(
    house: House, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tenant.align(line(QUIZ, APIS))
    monkeypatch.setattr(revising, "FOLDED_MAX", 5)
    people = [system_id("person") for _ in range(4)]
    await house.hear([house.owners.statement(person, tenant.id, QUIZ) for person in people for _ in range(4)])
    await house.settle()
    said = [await house.standing(person) for person in people]
    assert all(set(one) == {APIS} for one in said)


async def test_one_person_who_costs_more_than_a_transaction_has_is_folded_all_the_same(
    house: House, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tenant.align(line(QUIZ, APIS))
    monkeypatch.setattr(revising, "FOLDED_MAX", 5)
    person = system_id("person")
    await house.hear([house.owners.statement(person, tenant.id, QUIZ) for _ in range(20)])
    assert (await house.estimates(person))[APIS].observations == 20
    assert set(await house.standing(person)) == {APIS}


async def test_a_person_who_is_merged_while_their_fact_waits_for_its_locks_is_told_of_in_the_end(
    house: House, tenant: Tenant
) -> None:
    """The batch names whom it will touch, then the person becomes part of another, then the batch gets its locks."""
    await tenant.align(line(QUIZ, APIS), line(f"{QUIZ}/b", DRIFT))
    one, other = system_id("person"), system_id("person")
    await house.hear(house.owners.statement(one, tenant.id, QUIZ), house.owners.statement(other, tenant.id, QUIZ))
    fact = house.owners.statement(other, tenant.id, f"{QUIZ}/b")
    merged = house.owners.merged(one, other)
    async with house.backbone.backbone() as holding:
        await holding.lock([other])
        # Both wait for the lock of `other`; the merge asked first.
        first = asyncio.create_task(house.hear(merged))
        await house.until_waiting(1)
        second = asyncio.create_task(house.hear(fact))
        await house.until_waiting(2)
    await asyncio.gather(first, second)
    await house.settle()
    assert set(await house.standing(one)) == {APIS, DRIFT}
    assert await house.standing(other) == {}
    assert (await house.standing(one))[DRIFT].mean == (await house.estimates(one))[DRIFT].mean


async def test_an_erased_person_leaves_no_estimate_behind_and_what_evidence_is_left_is_told_anew(
    house: House, tenant: Tenant
) -> None:
    await tenant.align(line(QUIZ, APIS))
    person = system_id("person")
    await house.hear(
        house.owners.statement(person, tenant.id, QUIZ), house.owners.review(person, "prj_1", "prs_r", marks(4))
    )
    before = len(await house.stream(person))
    await house.hear(house.owners.erased(PROJECT_SUBMISSIONS, person))
    await house.settle()
    stream = await house.stream(person)
    assert all(fact.data is None for fact in stream[:before])
    assert set(await house.standing(person)) == {APIS}
    await house.hear(house.owners.erased(LEARNING_EVENTS, person))
    await house.settle()
    assert await house.standing(person) == {}
    assert await house.rows("SELECT 1 FROM told WHERE person = $1", person) == []
    told = await house.told(person)
    assert isinstance(told[-1], FactsErased)
    assert all(isinstance(event, FactsErased) for event in told)


async def test_a_rebuild_tells_only_what_differs(servers: Servers) -> None:
    async with inference_house(servers.postgres.admin_dsn, servers.broker.address) as house:
        tenant = house.organisation()
        await tenant.align(line(QUIZ, APIS), line(f"{QUIZ}/b", DRIFT))
        right, wrong = system_id("person"), system_id("person")
        for person in (right, wrong):
            await house.hear(house.owners.statement(person, tenant.id, QUIZ))
        told = len(await house.stream(right)), len(await house.stream(wrong))
        # As a bug of an earlier build might have left it: evidence that no fact ever told.
        await damage(house, wrong)
        checked = await house.rebuild()
        assert checked.live_digest != checked.rebuilt_digest
        await house.rebuild(is_check_only=False)
        await house.settle()
        assert set(await house.standing(wrong)) == {APIS}
        assert (len(await house.stream(right)), len(await house.stream(wrong))) == (told[0], told[1] + 1)
        checked = await house.rebuild()
        assert checked.live_digest == checked.rebuilt_digest


async def damage(house: House, person: str) -> None:
    """Have taken the person's statement out of the evidence, and have it told."""
    async with house.backbone.backbone() as tx:
        await tx.lock([person])
        await tx.connection.execute("UPDATE statements SET result = 0 WHERE subject = $1", person)
        await tx.connection.execute("UPDATE told SET mean = -1 WHERE person = $1", person)


async def test_people_of_a_rebuilt_house_are_judged_by_the_new_evidence(servers: Servers) -> None:
    """Ledgers at hand were made of tables that the rebuild replaced."""
    async with inference_house(servers.postgres.admin_dsn, servers.broker.address) as house:
        tenant = house.organisation()
        await tenant.align(line(QUIZ, APIS), line(f"{QUIZ}/b", APIS))
        person = system_id("person")
        await house.hear(house.owners.statement(person, tenant.id, QUIZ))
        await damage(house, person)
        # Whatever takes something back has the person read anew, now from damaged evidence.
        await house.hear(house.owners.voided(person, tenant.id, "nothing of theirs"))
        await house.rebuild(is_check_only=False)
        await house.hear(house.owners.statement(person, tenant.id, f"{QUIZ}/b"))
        await house.settle()
        assert (await house.standing(person))[APIS].mean == (await house.estimates(person))[APIS].mean
        assert (await house.standing(person))[APIS].observations == 2


async def test_the_next_fact_of_an_active_person_is_learned_from_without_reading_the_others(
    house: House, tenant: Tenant
) -> None:
    """Evidence that was damaged meanwhile shows that it was not read."""
    await tenant.align(line(QUIZ, APIS), line(f"{QUIZ}/b", APIS), line(f"{QUIZ}/c", APIS))
    person = system_id("person")
    await house.hear(house.owners.statement(person, tenant.id, QUIZ))
    whole = (await house.standing(person))[APIS].mean
    await house.hear(house.owners.statement(person, tenant.id, f"{QUIZ}/not-aligned"))
    await damage(house, person)
    await house.hear(house.owners.statement(person, tenant.id, f"{QUIZ}/b"))
    assert (await house.standing(person))[APIS].mean > whole > (await house.estimates(person))[APIS].mean
    taken_back = house.owners.voided(person, tenant.id, "nothing of theirs")
    await house.hear(taken_back, house.owners.statement(person, tenant.id, f"{QUIZ}/c"))
    assert (await house.standing(person))[APIS].mean == (await house.estimates(person))[APIS].mean
    async with house.backbone.backbone() as tx:
        await tx.lock([person])
        await tx.connection.execute("UPDATE statements SET result = 1 WHERE subject = $1", person)
