"""The database goes and comes back: what is asked meanwhile is refused as a matter of time, and nothing is lost."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import pytest

from infra.embedded.broker import EmbeddedBroker
from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres
from shared.kernel.errors import Unavailable
from tests.suites.identity.house import IdentityHouse, identity_house

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def resolved_within(house: IdentityHouse, seconds: float, organisation: str, identifier: str) -> str:
    async with asyncio.timeout(seconds):
        while True:
            try:
                return (await house.resolve(organisation, identifier))[0]
            except Unavailable:
                await asyncio.sleep(0.1)


async def test_a_killed_database_is_503_and_goes_on_where_it_was(
    tmp_path: Path, servers: tuple[EmbeddedPostgres, EmbeddedBroker]
) -> None:
    postgres = EmbeddedPostgres(tmp_path / "postgres", free_port())
    await postgres.start()
    try:
        async with identity_house(postgres.admin_dsn, servers[1].address) as house:
            organisation = await house.organisation()
            known = f"account:https://lms.example|{uuid.uuid4()}"
            (person,) = await house.resolve(organisation, known)
            await postgres.kill()
            house.clock.advance(2)
            with pytest.raises(Unavailable):
                await house.resolve(organisation, known)
            reply = await house.admin.send("POST", "/v1/people", {})
            assert reply.status_code == 503
            assert int(reply.headers["retry-after"]) >= 1
            await postgres.start()
            assert await resolved_within(house, 20, organisation, known) == person
            assert len(await house.stream(person)) == 2
    finally:
        await postgres.wipe()
