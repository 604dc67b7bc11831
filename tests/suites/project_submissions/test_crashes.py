"""The service is killed between the effect of a check and its commit; nothing is half told, and it is told once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest
import pytest_asyncio

from infra.embedded.ports import free_port
from shared.runtime.faults import EXIT_CODE
from tests.suites.identity.house import IdentityHouse, identity_house
from tests.suites.project_submissions.house import FIVES, PATIENCE_SECONDS, Caller, set_up, settings_of, until
from tests.suites.servers import running_servers

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).resolve().parents[3]


class Child:
    """project_submissions as a process of its own, with its data, as it is started again and again."""

    def __init__(self, identity: IdentityHouse, admin_dsn: str, kafka: str, files: Path) -> None:
        self.identity = identity
        self.admin_dsn = admin_dsn
        self._settings = settings_of(identity, admin_dsn, kafka, files) | {"http_port": free_port()}
        self._log = files.with_suffix(".log")

    @asynccontextmanager
    async def running(self, fault_point: str = "") -> AsyncIterator[asyncio.subprocess.Process]:
        """The process runs and answers. fault_point: where it ends as if it was killed."""
        variables = {
            f"DEEDLOG_{name.upper()}": str(value)
            for name, value in (self._settings | {"fault_point": fault_point}).items()
            if name != "service"
        }
        command = (sys.executable, "-m", "services.project_submissions")
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT / 'proto/gen'}", **variables}
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            await until(self._answers)
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    @asynccontextmanager
    async def someone(self, name: str) -> AsyncIterator[Caller]:
        """A person signed in at the process."""
        person = await self.identity.person(name)
        secret = (await self.identity.signed_in(person)).secret
        url = f"http://127.0.0.1:{self._settings['http_port']}"
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS) as http:
            yield Caller(http, secret, person)

    async def told(self, person: str) -> list[str]:
        """Return the last word of the types of a person's facts."""
        connection = await asyncpg.connect(f"{self.admin_dsn.rpartition('/')[0]}/deedlog_project_submissions")
        try:
            query = "SELECT type FROM backbone.facts WHERE subject = $1 ORDER BY number"
            return [row[0].split(".")[-2] for row in await connection.fetch(query, person)]
        finally:
            await connection.close()

    async def _answers(self) -> bool:
        async with httpx.AsyncClient() as http:
            try:
                return (await http.get(f"http://127.0.0.1:{self._settings['http_port']}/v1/rubrics")).is_success
            except httpx.TransportError:
                return False


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def child(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Child]:
    """A database, a broker and an identity of this module's own, and the process to be killed."""
    folder = tmp_path_factory.mktemp("crashes")
    async with (
        running_servers(folder) as (postgres, broker),
        identity_house(postgres.admin_dsn, broker.address) as identity,
    ):
        await set_up(postgres.admin_dsn)
        yield Child(identity, postgres.admin_dsn, broker.address, folder / "files")


async def test_a_check_that_is_killed_before_its_commit_is_done_once_after_the_restart(
    child: Child, bundle: bytes
) -> None:
    async with child.someone("Ada") as ada:
        async with child.running(fault_point="project-submissions.told:2") as process:
            project = await ada.project()
            with contextlib.suppress(httpx.TransportError):  # the check may be faster than the reply
                await ada.submit(project, bundle)
            async with asyncio.timeout(PATIENCE_SECONDS):
                assert await process.wait() == EXIT_CODE
        assert await child.told(ada.person) == ["project-registered"]
        async with child.running():
            (submission,) = (await ada.get(f"/v1/projects/{project}/submissions"))["items"]
            shown = await ada.checked(submission["id"])
            assert shown["state"] == "accepted", shown["refusal"]
            assert len(shown["evidence"]) == 6
    assert await child.told(ada.person) == ["project-registered", "submission-accepted"] + ["evidence-graded"] * 6


async def test_a_second_review_that_is_killed_before_its_commit_can_be_given_again(child: Child, bundle: bytes) -> None:
    async with child.someone("Ada") as ada, child.someone("Ben") as ben, child.someone("Cleo") as cleo:
        async with child.running():
            submission = (await ada.submit(await ada.project(), bundle))["id"]
            await ada.checked(submission)
            operator = Caller(ada.http, child.identity.admin.secret)
            body = {"reviewers": [ben.person, cleo.person]}
            await operator.post(f"/v1/submissions/{submission}/reviewers", body, 200)
            await ben.give(submission, FIVES)
        async with child.running(fault_point="project-submissions.told:1") as process:
            with pytest.raises(httpx.TransportError):
                await cleo.give(submission, FIVES)
            assert await process.wait() == EXIT_CODE
        assert "review-completed" not in await child.told(ada.person)
        async with child.running():
            assert await cleo.sees(submission) == []
            assert (await cleo.give(submission, FIVES))["is_complete"]
    assert (await child.told(ada.person)).count("review-completed") == 2
