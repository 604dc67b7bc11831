"""A sample person is erased, and no table of any service and no log says anything about them any more."""

from __future__ import annotations

import functools
from collections.abc import Collection
from typing import Any, Final

import asyncpg
import pytest

from cli.demo.cast import ENGINEER, PURPOSE
from infra.embedded.layout import WITHOUT_BACKBONE
from infra.embedded.postgres import EmbeddedPostgres
from tests.journeys.house import JourneyHouse, running_house, until

ERASED_SECONDS_MAX: Final = 60.0
FOR_A_MINUTE: Final = ("identity", "public.erased_accounts")
"""Holds identifiers until learning_events has looked for them twice, a minute apart; their going has its own tests."""
TABLES: Final = """
SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
"""
TELLING: Final = (
    "SELECT count(*) FROM backbone.facts WHERE subject = ANY ($1) AND data IS NOT NULL AND type NOT LIKE $2"
)

pytestmark = pytest.mark.timeout(300)


async def test_an_erased_person_is_in_no_table_and_in_no_log() -> None:
    """Ids stay: of the person, and of what was theirs. What anybody wrote or we inferred does not."""
    with running_house() as house:
        house.command("demo")
        with house.api() as api:
            (found,) = api.get(f"/v1/people?name={ENGINEER.name.split()[0]}")["items"]
            accounts = api.get(f"/v1/people/{found['id']}/accounts")["accounts"]
            people = [found["canonical"], *found["aliases"]]
            words = [ENGINEER.name, ENGINEER.email, PURPOSE, *(work.title for work in ENGINEER.works)]
            words += [account["identifier"].rpartition("|")[2] for account in accounts]
            before = await said(house, words, people)
            assert {"identity", "learning_events", "project_submissions", "skill_profiles"} <= {
                one[0] for one in before
            }
            assert {one[2] for one in before} == {*words, "a fact"}
            assert sorted(api.post("/v1/erasures", {"person": found["id"]})["people"]) == sorted(people)

        await until("nothing to be left", functools.partial(is_silent, house, words, people), ERASED_SECONDS_MAX)
        assert [name for name, text in logs(house) if any(word in text for word in words)] == []


async def is_silent(house: JourneyHouse, words: Collection[str], people: Collection[str]) -> bool:
    """Say whether nothing is left; what is left is printed."""
    left = await said(house, words, people)
    print(f"left: {sorted(left)}")
    return not left


async def said(house: JourneyHouse, words: Collection[str], people: Collection[str]) -> set[tuple[str, str, str]]:
    """Return (service, table, word) for each word that stands in a table, and where a fact about the people says more
    than that it was erased.
    """
    found = set()
    for service in sorted(house.home.secrets().passwords.keys() - WITHOUT_BACKBONE):
        connection: Any = await asyncpg.connect(admin_dsn(house, service))
        try:
            tables = [row[0] for row in await connection.fetch(TABLES)]
            for table in tables:
                if (service, table) == FOR_A_MINUTE:
                    continue
                for word in await words_in(connection, table, words):
                    found.add((service, table, word))
            if "backbone.facts" in tables and await connection.fetchval(TELLING, list(people), "%.facts-erased.v1"):
                found.add((service, "backbone.facts", "a fact"))
        finally:
            await connection.close()
    return found


async def words_in(connection: Any, table: str, words: Collection[str]) -> list[str]:
    """Return which of the words stand in a row of the table, as text or as bytes, which are written in hexadecimal."""
    query = f"""
        SELECT word FROM unnest($1::text[], $2::text[]) AS asked (word, bytes) WHERE EXISTS (
            SELECT FROM {table} AS one_row
            WHERE strpos(one_row::text, asked.word) > 0 OR strpos(one_row::text, asked.bytes) > 0)
    """
    rows = await connection.fetch(query, list(words), [word.encode().hex() for word in words])
    return [row[0] for row in rows]


def logs(house: JourneyHouse) -> list[tuple[str, str]]:
    """Return every log by its name."""
    return [(path.name, path.read_text("utf-8", "replace")) for path in (house.home.path / "logs").iterdir()]


def admin_dsn(house: JourneyHouse, service: str) -> str:
    """Return the address of a service's database for somebody who sees all of it."""
    dsn = EmbeddedPostgres(house.home.postgres, house.port + 1).admin_dsn
    return f"{dsn.rpartition('/')[0]}/deedlog_{service}"
