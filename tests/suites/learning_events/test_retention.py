"""What is older than its organisation wants it kept goes everywhere, what is not stays, and what went never returns."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from services.learning_events.handlers.reading import erase_person
from services.learning_events.handlers.retaining import Retaining, Store
from services.learning_events.store import retention
from services.learning_events.store.retention import PostgresRemoval
from services.learning_events.store.statements import PostgresStatements
from shared.events.learning_events import StatementVoided
from shared.kernel.clock import FixedClock, SystemClock
from shared.kernel.ids import system_id
from shared.runtime import telemetry
from shared.runtime.auth import SCOPES, Principal
from tests.suites.learning_events.documents import path, state
from tests.suites.learning_events.house import House, Platform, statement, voiding
from tests.suites.learning_events.test_attachments import MULTIPART, attachment, body, header
from tests.suites.learning_events.test_search import account, found, reference
from tests.unit.learning_events.caliper_samples import caliper_event, entity, envelope

pytestmark = pytest.mark.asyncio(loop_scope="session")
ROOT: Final = Path(__file__).resolve().parents[3]
DAY = timedelta(days=1)
ALL = ("write", "read", "state", "admin")


async def keep(platform: Platform, days: int | None, **more: Any) -> dict[str, Any]:
    """Have set how long the platform's organisation keeps what it sent."""
    response = await platform.send({"days": days, **more}, "/v1/retention", "PUT")
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    return told


async def a_day_later(house: House, since: datetime | None = None) -> None:
    """Have removed what was too old a day after `since`, or after now."""
    clock = FixedClock((since or SystemClock().now()) + DAY)
    async with asyncio.timeout(30):
        await Retaining(PostgresRemoval(house.backbone), clock, 3_600.0).once()


async def moment(house: House) -> datetime:
    """Return a time between what was stored and what will be."""
    async with house.backbone.reading() as connection:
        now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    await asyncio.sleep(0.01)
    return now


async def rows(house: House, platform: Platform, table: str, where: str = "true") -> int:
    query = f"SELECT count(*) FROM {table} WHERE organisation = $1 AND ({where})"
    async with house.backbone.reading() as connection:
        counted: int = await connection.fetchval(query, platform.organisation)
        return counted


@pytest.fixture
def platform(house: House) -> Platform:
    return house.platform(ALL)


async def test_what_is_too_old_goes_and_what_is_not_stays(house: House, platform: Platform) -> None:
    old = await platform.post([statement("ada") for _ in range(3)])
    then = await moment(house)
    (young,) = await platform.post(statement("ada"))
    await keep(platform, 1)
    await a_day_later(house, then)
    assert [await platform.read(one) for one in old] == [None] * 3
    assert await found(platform) == [young]
    assert await found(platform, agent=account("ada")) == [young]
    assert [one["id"] for one in (await platform.get("/v1/events")).json()["items"]] == [young]
    await a_day_later(house)
    assert await found(platform) == []
    assert await rows(house, platform, "searchable") == 0


async def test_nothing_goes_where_nothing_was_decided_or_for_ever(house: House, platform: Platform) -> None:
    undecided = house.platform(ALL)
    (one,) = await undecided.post(statement())
    (two,) = await platform.post(statement())
    await keep(platform, 1)
    assert (await keep(platform, None))["days"] is None
    await a_day_later(house)
    assert (await found(undecided), await found(platform)) == ([one], [two])


async def test_what_went_does_not_come_back_and_its_id_stays_taken(house: House, platform: Platform) -> None:
    sent = statement("ada")
    await platform.post(sent)
    await keep(platform, 1)
    await a_day_later(house)
    assert await platform.post(sent) == [sent["id"]]
    response = await platform.send([sent], "/v1/statements:bulk")
    assert [one["outcome"] for one in response.json()["items"]] == ["duplicate"]
    assert await platform.read(sent["id"]) is None
    assert await found(platform) == []
    assert len(await house.stream(platform.person("ada"))) == 1


async def test_what_was_told_stays_told_and_can_still_be_voided(house: House, platform: Platform) -> None:
    sent = statement("ada")
    await platform.post(sent)
    await keep(platform, 1)
    await a_day_later(house)
    await platform.post(voiding(sent["id"]))
    recorded, voided = await house.told(platform.person("ada"))
    assert isinstance(voided, StatementVoided)
    assert (voided.statement, getattr(recorded, "statement", None)) == (sent["id"], sent["id"])
    await a_day_later(house)
    await platform.post(voiding(sent["id"]))
    assert len(await house.stream(platform.person("ada"))) == 2


async def test_an_erasure_reaches_what_went_before_and_nothing_voids_it_then(house: House, platform: Platform) -> None:
    sent = statement("ada")
    await platform.post(sent)
    await keep(platform, 1)
    await a_day_later(house)
    person = platform.person("ada")
    await erase_person(PostgresStatements(house.backbone), person)
    assert await rows(house, platform, "statements", "account IS NOT NULL OR original IS NOT NULL") == 0
    await platform.post(voiding(sent["id"]))
    assert [fact.is_erased for fact in await house.stream(person)] == [True, False]


async def test_test_data_and_other_organisations_are_apart(house: House, platform: Platform) -> None:
    tested = house.platform(ALL, platform.organisation, is_test=True)
    stranger = house.platform(ALL)
    (real,), (trial,), (other,) = [await one.post(statement()) for one in (platform, tested, stranger)]
    await keep(platform, 1, is_test=True)
    await a_day_later(house)
    assert (await found(platform), await found(tested), await found(stranger)) == ([real], [], [other])
    assert await tested.read(trial) is None


async def test_what_refers_to_something_that_went_is_found_by_itself_only(house: House, platform: Platform) -> None:
    old = statement("ada")
    await platform.post(old)
    then = await moment(house)
    comment = reference(old["id"])
    reply = reference(comment["id"], actor=account("replier"))
    await platform.post(comment)
    await platform.post(reply)
    assert sorted(await found(platform, agent=account("ada"))) == sorted([old["id"], comment["id"], reply["id"]])
    await keep(platform, 1)
    await a_day_later(house, then)
    assert await found(platform, agent=account("ada")) == []
    assert await found(platform, agent=account("commentator")) == [reply["id"], comment["id"]]
    assert await found(platform, verb=old["verb"]["id"]) == [reply["id"], comment["id"]]
    await a_day_later(house)
    assert (await rows(house, platform, "searchable"), await rows(house, platform, "referrals")) == (0, 0)


async def test_attachments_go_unless_something_that_stays_names_them(house: House, platform: Platform) -> None:
    alone, shared = b"of the old one", b"of both"
    old = statement(attachments=[header(alone), header(shared)])
    await platform.send(body(old, attachment(alone), attachment(shared)), content_type=MULTIPART)
    then = await moment(house)
    young = statement(attachments=[header(shared)])
    await platform.send(body(young, attachment(shared)), content_type=MULTIPART)
    assert await rows(house, platform, "attachments") == 2
    await keep(platform, 1)
    await a_day_later(house, then)
    assert (await rows(house, platform, "attachments"), await rows(house, platform, "attached")) == (1, 1)
    await a_day_later(house)
    assert (await rows(house, platform, "attachments"), await rows(house, platform, "attached")) == (0, 0)


async def test_what_came_as_caliper_goes_with_its_statement_and_entities_by_their_age(
    house: House, platform: Platform
) -> None:
    response = await platform.send(envelope(caliper_event(), entity()), "/caliper")
    assert response.status_code == 200, response.text
    assert await rows(house, platform, "originals", "content IS NOT NULL") == 2
    await keep(platform, 1)
    await a_day_later(house)
    assert await rows(house, platform, "originals", "content IS NOT NULL OR envelope IS NOT NULL") == 0
    assert await rows(house, platform, "originals") == 1


async def test_documents_go_only_where_the_policy_says_so(house: House, platform: Platform) -> None:
    await platform.send({"page": 7}, state(), "PUT")
    await keep(platform, 1)
    await a_day_later(house)
    assert (await platform.get(state())).status_code == 200
    await keep(platform, 1, documents=True)
    await a_day_later(house)
    assert (await platform.get(state())).status_code == 404
    assert (await platform.get("/v1/retention")).json()["items"][0]["documents_removed"] == 1


async def test_a_definition_goes_with_the_last_statement_that_names_its_activity(
    house: House, platform: Platform
) -> None:
    first, second = ({"id": f"https://lms.example/{name}", "definition": {"name": {"en": name}}} for name in "ab")
    await platform.post([statement(object=first), statement(object=second)])
    then = await moment(house)
    await platform.post(statement(object={"id": second["id"]}))
    await keep(platform, 1)
    await a_day_later(house, then)
    known = [(await platform.get(path("/xapi/activities", activityId=one["id"]))).json() for one in (first, second)]
    assert [one.get("definition") for one in known] == [None, second["definition"]]


async def test_much_goes_in_steps_once_however_many_remove_it(
    house: House, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "REMOVED_AT_ONCE", 20)
    for size in (20, 1, 7, 20, 20, 3):
        await platform.post([statement() for _ in range(size)])
    await keep(platform, 1)
    counted = telemetry.RETENTION_REMOVED.labels("learning_events")
    before = counted._value.get()
    await asyncio.gather(*(a_day_later(house) for _ in range(3)))
    assert counted._value.get() >= before + 71
    assert await found(platform) == []
    assert (await platform.get("/v1/retention")).json()["items"][0]["removed"] == 71
    assert await rows(house, platform, "searchable") == 0


async def test_old_ones_go_while_others_write_void_and_refer(house: House, platform: Platform) -> None:
    old = [statement(f"writer-{number % 3}") for number in range(40)]
    for start in range(0, 40, 4):
        await platform.post(old[start : start + 4])
    then = await moment(house)
    await keep(platform, 1)
    young: list[str] = []

    async def write(number: int) -> None:
        for target in old[number::8]:
            written = [statement(f"writer-{number % 3}"), reference(target["id"]), voiding(target["id"])]
            young.extend(await platform.post(written))

    async with asyncio.timeout(40):
        await asyncio.gather(*(write(number) for number in range(8)), a_day_later(house, then))
    await a_day_later(house, then)
    assert sorted(await found(platform)) == sorted(young)
    assert [await platform.read(one["id"]) for one in old] == [None] * 40
    told = [one for number in range(3) for one in await house.told(platform.person(f"writer-{number}"))]
    assert sorted(one.statement for one in told if isinstance(one, StatementVoided)) == sorted(one["id"] for one in old)
    await a_day_later(house)
    assert (await rows(house, platform, "searchable"), await rows(house, platform, "referrals")) == (0, 0)


async def test_a_step_that_breaks_off_leaves_nothing_half_removed(
    house: House, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await platform.post([statement() for _ in range(4)])
    await keep(platform, 1)
    with monkeypatch.context() as broken:
        broken.setattr(retention, "_MOVE", retention._MOVE.replace("removed + $6", "removed / ($6::bigint - $6)"))
        with pytest.raises(asyncpg.DivisionByZeroError):
            await a_day_later(house)
    assert sorted(await found(platform)) == sorted(ids)
    await a_day_later(house)
    assert await found(platform) == []


async def test_a_policy_that_changed_meanwhile_removes_nothing(house: House, platform: Platform) -> None:
    (kept,) = await platform.post(statement())
    await keep(platform, 1)
    removal = PostgresRemoval(house.backbone)
    await keep(platform, 400)
    assert await removal.remove_some(Store(platform.organisation, is_test=False), 1, SystemClock().now() + DAY)
    assert await found(platform) == [kept]


async def test_a_preview_counts_what_would_go_and_removes_nothing(house: House, platform: Platform) -> None:
    await platform.post([statement() for _ in range(3)])
    await platform.send({"page": 7}, state(), "PUT")
    answer = await platform.send({"days": 1, "documents": True}, "/v1/retention:preview")
    assert (answer.status_code, answer.json()["statements"], answer.json()["documents"]) == (200, 0, 0)
    store = Store(platform.organisation, is_test=False)
    counted = await retention.PostgresRetention(house.backbone).count_before(
        store, SystemClock().now() + DAY, has_documents=True
    )
    assert (counted.statements, counted.documents, counted.is_more) == (3, 1, False)
    assert len(await found(platform)) == 3


@pytest.mark.parametrize("sent", [{}, {"days": 0}, {"days": 36_501}, {"days": "7"}, {"days": 7, "day": 7}])
async def test_a_policy_in_another_form_is_refused_by_field(platform: Platform, sent: dict[str, Any]) -> None:
    response = await platform.send(sent, "/v1/retention", "PUT")
    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] in {"/days", "/day"}


async def test_who_may_decide_is_the_operator_or_an_admin_key_of_its_own(house: House, platform: Platform) -> None:
    policy = {"days": 30}
    reader = house.platform(("read", "write"), platform.organisation)
    assert (await reader.send(policy, "/v1/retention", "PUT")).status_code == 403
    elsewhere = f"/v1/retention?organisation={house.platform().organisation}"
    assert (await platform.send(policy, elsewhere, "PUT")).status_code == 403
    tested = house.platform(ALL, platform.organisation, is_test=True)
    assert (await tested.send(policy, "/v1/retention", "PUT")).json()["errors"][0]["pointer"] == "/is_test"
    assert [one["is_test"] for one in (await tested.get("/v1/retention")).json()["items"]] == [True]
    house.identity.keys["operators-own-secret"] = Principal("admin", "operator", None, None, SCOPES)
    operator = Platform(house, platform.organisation, "operator", "operators-own-secret")
    assert (await operator.send(policy, "/v1/retention", "PUT")).json()["errors"][0]["pointer"] == "organisation"
    told = await operator.send(policy, f"/v1/retention?organisation={platform.organisation}", "PUT")
    assert (told.status_code, told.json()["days"], told.json()["set_by"]) == (200, 30, "operator")
    assert (await platform.get("/v1/retention")).json()["items"][0]["days"] == 30


async def test_a_door_sees_no_policy_of_another_organisation(house: House, platform: Platform) -> None:
    await keep(platform, 7)
    async with house.backbone.door(system_id("organisation")) as tx:
        assert await tx.connection.fetchval("SELECT count(*) FROM retention") == 0


async def command(platform: Platform, home: Path, *words: str) -> tuple[int, Any, str]:
    """Return what `deedlog retention` answers: its exit code, JSON, and standard error."""
    origin = str(platform.house.http.base_url).rstrip("/")
    own = {"DEEDLOG_ORIGIN": origin, "DEEDLOG_KEY": platform.secret, "DEEDLOG_HOME": str(home)}
    own["PYTHONPATH"] = f"{ROOT}:{ROOT / 'proto' / 'gen'}"
    program = [sys.executable, "-m", "cli.main", "retention", *words, "--json"]
    done = await asyncio.to_thread(
        subprocess.run, program, cwd=ROOT, env=os.environ | own, capture_output=True, timeout=60, check=False
    )
    return done.returncode, json.loads(done.stdout or b"null"), done.stderr.decode()


async def test_the_command_tries_sets_and_shows_a_policy(platform: Platform, tmp_path: Path) -> None:
    await platform.post(statement())
    code, told, _ = await command(platform, tmp_path, "set", "--days", "30", "--dry-run")
    assert (code, told["statements"]) == (0, 0)
    code, told, _ = await command(platform, tmp_path, "set", "--days", "30", "--documents")
    assert (code, told["days"], told["documents"], told["is_test"]) == (0, 30, True, False)
    code, told, _ = await command(platform, tmp_path, "show")
    assert (code, [one["days"] for one in told]) == (0, [30, None])
    code, told, _ = await command(platform, tmp_path, "set", "--for-ever")
    assert (code, told["days"]) == (0, None)
    code, told, said = await command(platform, tmp_path, "set")
    assert (code, told) == (2, None)
    assert "--for-ever" in said
