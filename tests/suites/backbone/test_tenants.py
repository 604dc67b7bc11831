"""A door sees the facts of its organisation and no others, whatever SQL runs in it; no service has a mightier role."""

from __future__ import annotations

import asyncpg
import pytest
from pydantic import SecretStr

from shared.kernel.errors import Broken
from shared.kernel.ids import system_fact_id
from shared.runtime.postgres import open_pool

from .house import DOOR_WORD, House, new_fact

pytestmark = pytest.mark.parametrize("broker", ["embedded"], indirect=True)


async def tell_as(house: House, organisation: str | None, subject: str) -> None:
    async with house.teller.door(organisation) as tx:
        await tx.lock([subject])
        await house.teller.store.append(tx, [new_fact(subject, organisation=organisation)])


async def test_a_door_sees_the_facts_of_its_organisation_and_of_none(house: House) -> None:
    await house.start_teller()
    for organisation, subject in (("org_a", "ada"), ("org_b", "bea"), (None, "cyd")):
        await tell_as(house, organisation, subject)
    seen = {}
    for organisation in ("org_a", "org_b", None):
        async with house.teller.door(organisation) as tx:
            rows = await tx.connection.fetch("SELECT subject FROM backbone.facts ORDER BY subject")
            seen[organisation] = [row[0] for row in rows]
    assert seen == {"org_a": ["ada", "cyd"], "org_b": ["bea", "cyd"], None: ["cyd"]}


async def test_the_next_transaction_of_a_connection_is_nobody_s(house: House) -> None:
    await house.start_teller()
    await tell_as(house, "org_a", "ada")
    pool = await open_pool(house.teller.settings.database_door_url.get_secret_value(), 1)
    try:
        async with pool.acquire() as connection:
            async with connection.transaction():
                await connection.execute("SELECT set_config('deedlog.organisation', 'org_a', true)")
                assert await connection.fetchval("SELECT count(*) FROM backbone.facts") == 1
            assert await connection.fetchval("SELECT count(*) FROM backbone.facts") == 0
    finally:
        await pool.close()


@pytest.mark.parametrize(
    "name", ["org_a", "", "o'; SET LOCAL deedlog.organisation = 'org_b", "it's", "back\\\\slash", "\\n"]
)
async def test_a_transaction_acts_for_whoever_it_names_whatever_the_name(house: House, name: str) -> None:
    await house.start_teller()
    async with house.teller.door(name) as tx:
        assert await tx.connection.fetchval("SELECT current_setting('deedlog.organisation', true)") == name


async def test_a_door_tells_no_fact_of_another_organisation(house: House) -> None:
    await house.start_teller()
    async with house.teller.door("org_a") as tx:
        await tx.lock(["ada"])
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await house.teller.store.append(tx, [new_fact("ada", organisation="org_b")])
    assert await house.told() == {}


async def test_a_door_neither_changes_nor_removes_a_fact(house: House) -> None:
    await house.start_teller()
    await tell_as(house, "org_a", "ada")
    for words in ("UPDATE backbone.facts SET data = NULL", "DELETE FROM backbone.facts", "TRUNCATE backbone.facts"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with house.teller.door("org_a") as tx:
                await tx.connection.execute(words)


async def test_a_door_cannot_become_the_backbone_nor_switch_the_policies_off(house: House) -> None:
    await house.start_teller()
    await tell_as(house, "org_b", "bea")
    name = house.teller_service.name
    attempts = [
        f'SET ROLE "{name}_backbone"',
        f'SET ROLE "{name}_owner"',
        "ALTER TABLE backbone.facts NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE backbone.facts DISABLE ROW LEVEL SECURITY",
        "CREATE POLICY mine ON backbone.facts USING (true)",
        "UPDATE backbone.epochs SET epoch = 9",
        "UPDATE backbone.relay SET id = 9",
    ]
    for words in attempts:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with house.teller.door("org_a") as tx:
                await tx.connection.execute(words)
    async with house.teller.door("org_a") as tx:
        await tx.connection.execute("SET LOCAL row_security = off")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await tx.connection.fetch("SELECT * FROM backbone.facts")


async def test_the_backbone_sees_the_facts_of_all(house: House) -> None:
    await house.start_teller()
    for organisation, subject in (("org_a", "ada"), ("org_b", "bea"), (None, "cyd")):
        await tell_as(house, organisation, subject)
    async with house.teller.reading() as connection:
        assert await connection.fetchval("SELECT count(*) FROM backbone.facts") == 3
    await house.start_listener()
    await house.until_heard()


async def test_rows_of_a_service_obey_the_same_policy(house: House) -> None:
    await house.start_teller()
    async with house.teller.door("org_a") as tx:
        await tx.connection.execute("INSERT INTO notes VALUES ('org_a', 'ours')")
    async with house.teller.door("org_b") as tx:
        assert await tx.connection.fetch("SELECT * FROM notes") == []
        assert await tx.connection.execute("UPDATE notes SET words = 'theirs'") == "UPDATE 0"


@pytest.mark.parametrize("rights", ["SUPERUSER", "BYPASSRLS"])
@pytest.mark.parametrize("role", ["door", "backbone"])
async def test_a_service_refuses_to_start_under_a_role_that_could_see_all(house: House, role: str, rights: str) -> None:
    async with house.teller_service.operator() as connection:
        await connection.execute(f'ALTER ROLE "{house.teller_service.name}_{role}" {rights}')
    with pytest.raises(Broken, match="bypasses row-level security"):
        await house.start_teller()


async def test_nobody_else_of_the_server_enters_a_service_s_database(house: House) -> None:
    address = house.listener_service.dsn()
    user = f"{house.teller_service.name}_door"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(address, user=user, password=SecretStr(DOOR_WORD).get_secret_value())


async def test_an_erasure_is_the_backbone_s_alone(house: House) -> None:
    await house.start_teller()
    await tell_as(house, "org_a", "ada")
    async with house.teller.door("org_a") as tx:
        await tx.lock(["ada"])
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await house.teller.store.erase(tx, "ada", system_fact_id())
    assert await house.told() == {"ada": 1}
