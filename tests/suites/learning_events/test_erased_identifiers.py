"""An erased person is named nowhere: not by what others said, nor in any column of any table."""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.learning_events.handlers.erasing import ErasingPeople
from services.learning_events.store.erased_identifiers import CHANGED_AT_ONCE, PAGE, PostgresErasedIdentifiers
from services.learning_events.store.statements import PostgresStatements
from shared.events.erasure import facts_erased
from shared.events.sources import IDENTITY
from tests.suites.learning_events.documents import activity_profile, agent_profile, state
from tests.suites.learning_events.house import House, statement
from tests.suites.learning_events.test_attachments import MULTIPART, SIGNATURE, attachment, body, header, signed
from tests.suites.learning_events.test_hearing_identity import hear
from tests.suites.scan import tables_holding
from tests.unit.learning_events.caliper_samples import caliper_event, entity, envelope, graded

pytestmark = pytest.mark.asyncio(loop_scope="session")

SCOPES = ("write", "read", "state", "profile")


class Somebody:
    """Somebody new: an actor of one of four kinds, and the bytes by which they would be seen."""

    def __init__(self, kind: str) -> None:
        self.mark = uuid.uuid4().hex + ("00000000" if kind == "mbox_sha1sum" else "")
        of_kind: dict[str, dict[str, Any]] = {
            "mbox": {"mbox": f"mailto:{self.mark}@Mail.Example.org"},
            "openid": {"openid": f"https://id.example/{self.mark}"},
            "account": {"account": {"homePage": "https://lms.example", "name": self.mark}},
            "mbox_sha1sum": {"mbox_sha1sum": self.mark},
        }
        self.actor = of_kind[kind]
        texts = {"mbox": f"{self.mark}@mail.example.org", "account": ""}
        self.text = texts.get(kind, self.actor.get("openid") or self.mark)


async def erase(house: House, person: str) -> None:
    """Have identity erase the person, and wait until that is done here, twice."""
    house.identity.erase(person)
    await hear(house, person, facts_erased(IDENTITY, 0))
    async with asyncio.timeout(30), house.backbone.reading() as connection:
        while await connection.fetchval("SELECT count(*) FROM erasures_due WHERE person = $1", person):
            await asyncio.sleep(0.05)


async def holding(house: House, mark: str) -> list[str]:
    async with house.backbone.reading() as connection:
        return await tables_holding(connection, mark)


def others(somebody: Somebody, rng: random.Random) -> list[dict[str, Any]]:
    """Return what others may say of somebody, in any order."""
    who = {**somebody.actor, "name": f"Zoë {somebody.mark}"}
    agent = {"objectType": "Agent", **who}
    group = {"objectType": "Group", "member": [who, {"mbox": "mailto:ben@example.org"}]}
    about = {"objectType": "SubStatement", "actor": who, "verb": {"id": "https://x.example/v"}, "object": agent}
    seen = {"https://x.example/seen": [who, {"text": somebody.text, somebody.text: 1}]}
    definition = {"name": {"en": f"Work of {somebody.text}"}, "extensions": seen}
    made = [
        statement("ben", context={"instructor": agent}),
        statement("ben", context={"team": group}),
        statement("ben", object=agent),
        statement("ben", object=about),
        statement("ben", actor=group),
        statement("ben", actor={"objectType": "Group", **who}),
        statement("ben", context={"extensions": seen}, result={"response": f"asked {somebody.text}"}),
        statement("ben", object={"id": "https://lms.example/works/1", "definition": definition}),
        statement("ben", context={"contextAgents": [{"objectType": "contextAgent", "agent": agent}]}),
        statement("ben", authority=agent),
    ]
    rng.shuffle(made)
    return made


@pytest.mark.parametrize("kind", ["mbox", "openid", "account", "mbox_sha1sum"])
@pytest.mark.parametrize("seed", [1, 2])
async def test_after_an_erasure_no_table_holds_the_identifier(house: House, kind: str, seed: int) -> None:
    rng = random.Random(seed)
    platform = house.platform(SCOPES)
    trial = house.platform(SCOPES, platform.organisation, is_test=True)
    zoe = Somebody(kind)
    mine = statement(actor=zoe.actor)
    told = others(zoe, rng)
    for one in [mine, *told]:
        await rng.choice([platform, platform, trial]).post(one)
    person = next(a.person for (_, name), a in house.identity.accounts.items() if zoe.mark in name.lower())
    notes = json.dumps({"tutor": {**zoe.actor, "name": "Zoë"}, "text": f"see {zoe.text}"}).replace("/", "\\/")
    assert (await platform.send(b"{}", state(agent=zoe.actor), "PUT")).status_code == 204
    assert (await platform.send(b"{}", agent_profile(agent=zoe.actor), "PUT")).status_code == 204
    assert (await platform.send(notes.encode(), state("notes"), "PUT")).status_code == 204
    assert (await platform.send(notes.encode(), activity_profile(), "PUT", if_none_match="*")).status_code == 204
    assert "public.statements" in await holding(house, zoe.mark)
    assert "public.documents" in await holding(house, zoe.mark)
    await erase(house, person)
    assert await holding(house, zoe.mark) == []
    for one in told:
        kept = await platform.read(one["id"]) or await trial.read(one["id"])
        assert kept is not None, "what others said stands"
        assert "Zoë" not in json.dumps(kept, ensure_ascii=False)
    notes_now = (await platform.get(state("notes"))).json()
    assert notes_now["tutor"]["account"] == {"homePage": "urn:deedlog:erased", "name": person}
    assert (await platform.get(state(agent=zoe.actor))).status_code == 404


async def test_originals_of_caliper_and_cloud_events_name_the_erased_no_more(house: House) -> None:
    platform = house.platform()
    mark = uuid.uuid4().hex
    iri = f"https://lms.example/users/{mark}"
    grader = {"id": iri, "type": "Person", "name": f"Grace {mark}"}
    events = [
        graded(actor=grader),
        caliper_event(group={"id": "https://lms.example/g", "type": "Group", "members": [iri]}),
    ]
    sent = [*events, entity(id=iri, name=f"Grace {mark}"), caliper_event(actor=grader)]
    assert (await platform.send(envelope(*sent), "/caliper")).status_code == 200
    wrapped = {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "https://lms.example",
        "type": "xapi",
        "data": statement("ben", context={"instructor": {"openid": iri}}),
    }
    media_type = "application/cloudevents+json"
    assert (await platform.send(wrapped, "/v1/events", content_type=media_type)).status_code == 200
    assert {"public.originals", "public.statements"} <= set(await holding(house, mark))
    person = house.identity.account(platform.organisation, f"openid:{iri}").person
    await erase(house, person)
    assert await holding(house, mark) == []
    for event in events:
        original = await platform.get(f"/v1/events/{event['id'].removeprefix('urn:uuid:')}/original")
        assert f"urn:deedlog:erased:{person}" in original.text


async def test_what_others_said_is_no_conflict_when_it_comes_again_and_is_not_found_by_the_erased(house: House) -> None:
    platform = house.platform()
    zoe = Somebody("mbox")
    one = statement("ben", context={"instructor": zoe.actor})
    about = statement("cem", object={"objectType": "StatementRef", "id": one["id"]})
    await platform.post([statement(actor=zoe.actor), one, about])
    search = f"/xapi/statements?related_agents=true&agent={json.dumps(zoe.actor)}"
    assert len((await platform.get(search)).json()["statements"]) == 3
    before = (await platform.get(f"/xapi/statements?statementId={one['id']}")).headers["etag"]
    await erase(house, house.identity.account(platform.organisation, f"mbox:{zoe.mark}@mail.example.org").person)
    assert (await platform.get(search)).json()["statements"] == []
    assert (await platform.get(f"/xapi/statements?statementId={one['id']}")).headers["etag"] != before
    assert await platform.post(one) == [one["id"]]
    other = {**one, "context": {"instructor": zoe.actor, "language": "de"}}
    assert (await platform.send(other)).status_code == 409
    assert await holding(house, zoe.mark) == []


async def test_a_signature_over_the_erased_goes_and_the_statement_stays(house: House) -> None:
    platform = house.platform()
    zoe = Somebody("openid")
    sent = statement("ben", context={"instructor": zoe.actor})
    jws = signed(sent)
    whole = {**sent, "attachments": [header(jws, usageType=SIGNATURE, contentType="application/octet-stream")]}
    assert (await platform.send(body(whole, attachment(jws)), content_type=MULTIPART)).status_code == 200
    await platform.post(statement(actor=zoe.actor))
    await erase(house, house.identity.account(platform.organisation, f"openid:{zoe.text}").person)
    kept = await platform.read(sent["id"])
    assert kept is not None
    assert len(kept["attachments"]) == 1
    async with house.backbone.reading() as connection:
        held = "SELECT count(*) FROM attachments WHERE organisation = $1"
        assert await connection.fetchval(held, platform.organisation) == 0


async def test_a_strangers_statement_after_the_erasure_is_left_alone(house: House) -> None:
    """Interleaving: the account acts again, as a stranger's, before the second time that the erasure is done."""
    platform = house.platform()
    zoe = Somebody("mbox")
    await platform.post(statement(actor=zoe.actor))
    name = f"mbox:{zoe.mark}@mail.example.org"
    person = house.identity.account(platform.organisation, name).person
    house.identity.erase(person)
    await asyncio.sleep(0.25)
    later = statement(actor=zoe.actor)
    await platform.post(later)
    assert house.identity.account(platform.organisation, name).person != person
    await hear(house, person, facts_erased(IDENTITY, 0))
    async with asyncio.timeout(30), house.backbone.reading() as connection:
        while await connection.fetchval("SELECT count(*) FROM erasures_due WHERE person = $1", person):
            await asyncio.sleep(0.05)
    kept = await platform.read(later["id"])
    assert kept is not None
    assert kept["actor"] == zoe.actor


async def test_nobody_elses_organisation_is_touched(house: House) -> None:
    here, there = house.platform(), house.platform()
    zoe = Somebody("mbox")
    elsewhere = statement("ben", context={"instructor": zoe.actor})
    await there.post(elsewhere)
    await here.post(statement(actor=zoe.actor))
    await erase(house, house.identity.account(here.organisation, f"mbox:{zoe.mark}@mail.example.org").person)
    kept = await there.read(elsewhere["id"])
    assert kept is not None
    assert kept["context"]["instructor"] == zoe.actor


async def test_an_erasure_waits_for_identity_and_empties_what_is_the_persons_own_at_once(house: House) -> None:
    platform = house.platform()
    zoe = Somebody("mbox")
    mine, other = statement(actor=zoe.actor), statement("ben", context={"instructor": zoe.actor})
    await platform.post([mine, other])
    person = house.identity.account(platform.organisation, f"mbox:{zoe.mark}@mail.example.org").person
    house.identity.is_away = True
    try:
        house.identity.erase(person)
        await hear(house, person, facts_erased(IDENTITY, 0))
        async with asyncio.timeout(20):
            while await platform.read(mine["id"]) is not None:
                await asyncio.sleep(0.02)
        assert zoe.mark in json.dumps(await platform.read(other["id"]))
    finally:
        house.identity.is_away = False
    async with asyncio.timeout(30), house.backbone.reading() as connection:
        while await connection.fetchval("SELECT count(*) FROM erasures_due WHERE person = $1", person):
            await asyncio.sleep(0.05)
    assert await holding(house, zoe.mark) == []
    assert await platform.read(mine["id"]) is None


async def test_more_than_a_page_and_more_than_a_transaction_takes_is_changed_to_the_last(house: House) -> None:
    platform = house.platform()
    zoe = Somebody("account")
    told = [statement("ben", context={"instructor": zoe.actor}) for _ in range(PAGE + CHANGED_AT_ONCE + 1)]
    await platform.post([statement(actor=zoe.actor), *told[:PAGE]])
    await platform.post(told[PAGE:])
    await erase(house, house.identity.account(platform.organisation, f"account:https://lms.example|{zoe.mark}").person)
    assert await holding(house, zoe.mark) == []
    async with house.backbone.reading() as connection:
        standing = "SELECT count(*) FROM statements WHERE organisation = $1 AND original IS NOT NULL"
        assert await connection.fetchval(standing, platform.organisation) == len(told)


class Known:
    """The accounts of one erased person, as identity keeps them until they were removed."""

    def __init__(self, person: str, organisation: str, name: str) -> None:
        self._person = person
        self._account = (organisation, name)

    async def erased_accounts(self, person: str) -> list[tuple[str, str]]:
        return [self._account] if person == self._person else []

    async def forget_erased(self, person: str) -> None:
        """Nothing is forgotten here."""


async def test_what_slower_writers_stored_after_the_first_time_goes_the_second_time(house: House) -> None:
    """Interleaving: a writer asks whose the account is, the erasure is done, and only then the writer stores."""
    platform = house.platform()
    zoe = Somebody("mbox")
    name = f"mbox:{zoe.mark}@mail.example.org"
    await platform.post(statement(actor=zoe.actor))
    person = house.identity.account(platform.organisation, name).person
    stores = (PostgresStatements(house.backbone),)
    accounts = Known(person, platform.organisation, name)
    erasing = ErasingPeople(accounts, PostgresErasedIdentifiers(house.backbone), stores)
    erased_at = datetime.now(UTC) + timedelta(minutes=1)
    await erasing.erase({person: erased_at})
    assert await holding(house, zoe.mark) == []
    late = [statement(actor=zoe.actor), statement("ben", context={"instructor": zoe.actor})]
    await platform.post(late)
    assert await holding(house, zoe.mark) == ["public.statements"]
    await erasing.erase({person: erased_at})
    assert await holding(house, zoe.mark) == []
    assert [await platform.read(one["id"]) is None for one in late] == [True, False]
