"""The embedded server does what a database must: answers, keeps what was committed, refuses strangers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from infra.embedded.ports import PortTaken, free_port
from infra.embedded.postgres import ADMIN_ROLE, EmbeddedPostgres, FolderInUse
from infra.embedded.postgres_dump import pg_dump, pg_restore
from infra.embedded.postgres_leftovers import server_processes
from infra.embedded.process import LaunchFailed, becomes
from infra.embedded.system_user import SYSTEM_FOLDER

REPOSITORY = Path(__file__).parents[3]
MEGABYTE = 1024 * 1024


async def execute(server: EmbeddedPostgres, *statements: str) -> None:
    connection = await asyncpg.connect(server.admin_dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def value(server: EmbeddedPostgres, query: str) -> object:
    connection = await asyncpg.connect(server.admin_dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def socket_files(port: int) -> list[Path]:
    return [file for file in Path("/tmp").glob(".s.PGSQL.*") if str(port) in file.name]


def half_made_clusters(folder: Path) -> bool:
    return any([*folder.glob("*/data.partial/base"), *SYSTEM_FOLDER.glob("*/data.partial/base")])


@contextlib.contextmanager
def sleeping_stranger(owner: int) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"], user=owner if os.geteuid() == 0 else None) as stranger:
        try:
            yield stranger
        finally:
            stranger.kill()


async def test_a_started_server_answers(standing_server: EmbeddedPostgres) -> None:
    assert await value(standing_server, "select 6 * 7") == 42


async def test_a_stopped_server_finds_its_rows_again(server: EmbeddedPostgres) -> None:
    await execute(server, "create table deed (name text)", "insert into deed values ('bridge')")
    await server.stop()
    assert not server.is_alive
    await server.start()
    assert await value(server, "select name from deed") == "bridge"


async def test_a_killed_server_finds_every_committed_row_again(server: EmbeddedPostgres) -> None:
    await execute(server, "create table deed (number int)")
    for number in range(20):
        await execute(server, f"insert into deed values ({number})")
    await server.kill()
    await server.start()
    assert await value(server, "select count(*) from deed") == 20


async def test_a_server_killed_under_a_busy_session_starts_again_without_it(server: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(server.admin_dsn)
    busy = asyncio.create_task(connection.execute("select count(*) from generate_series(1, 1000000000)"))
    await asyncio.sleep(0.1)
    before = server_processes(server.data_folder)
    await server.kill()
    await server.start()
    assert not before & server_processes(server.data_folder)
    with pytest.raises((asyncpg.PostgresError, ConnectionError)):
        await busy
    connection.terminate()


async def test_starting_a_running_server_changes_nothing(standing_server: EmbeddedPostgres) -> None:
    before = server_processes(standing_server.data_folder)
    await standing_server.start()
    assert server_processes(standing_server.data_folder) >= before


async def test_a_wrong_password_is_refused(standing_server: EmbeddedPostgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(
            host="127.0.0.1", port=standing_server.port, user=ADMIN_ROLE, password="guess", database="postgres"
        )


async def test_no_password_is_refused(standing_server: EmbeddedPostgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(
            host="127.0.0.1", port=standing_server.port, user=ADMIN_ROLE, password="", database="postgres"
        )


async def test_no_rule_trusts_anybody(standing_server: EmbeddedPostgres) -> None:
    assert await value(standing_server, "select array_agg(auth_method) from pg_hba_file_rules") == ["scram-sha-256"]


async def test_there_is_no_socket_file_and_no_address_but_the_loopback(standing_server: EmbeddedPostgres) -> None:
    assert not socket_files(standing_server.port)
    assert await value(standing_server, "show unix_socket_directories") == ""
    assert await value(standing_server, "show listen_addresses") == "127.0.0.1"
    with (
        pytest.raises(ConnectionRefusedError),
        socket.create_connection(("127.0.0.2", standing_server.port), timeout=2),
    ):
        pass


async def test_a_commit_is_on_disk_before_it_is_answered_and_pages_are_checked(
    standing_server: EmbeddedPostgres,
) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
        assert await value(standing_server, f"show {setting}") == "on", setting


async def test_password_and_data_are_closed_to_others(standing_server: EmbeddedPostgres) -> None:
    assert (standing_server.folder / "admin-password").stat().st_mode & 0o777 == 0o600
    assert (standing_server.folder / "postgres.log").stat().st_mode & 0o777 == 0o600
    assert standing_server.data_folder.stat().st_mode & 0o777 == 0o700


async def test_text_is_utf_8_and_sorts_the_same_on_every_machine(standing_server: EmbeddedPostgres) -> None:
    query = (
        "select encoding || ' ' || datlocprovider::text || ' ' || datlocale from pg_database where datname = 'postgres'"
    )
    assert await value(standing_server, query) == "6 b C.UTF-8"
    assert await value(standing_server, "select upper('é')") == "É"


async def test_the_log_holds_no_row_and_no_statement(standing_server: EmbeddedPostgres) -> None:
    await execute(
        standing_server, "create table person (name text primary key)", "insert into person values ('Ada Example')"
    )
    with pytest.raises(asyncpg.UniqueViolationError):
        await execute(standing_server, "insert into person values ('Ada Example')")
    log = standing_server.log_file.read_text()
    assert "duplicate key" in log
    assert "Ada" not in log


async def test_twenty_sessions_that_worked_fit_into_150_megabytes(standing_server: EmbeddedPostgres) -> None:
    sessions = [await asyncpg.connect(standing_server.admin_dsn) for _ in range(20)]
    for session in sessions:
        await session.fetch("select * from pg_class")
    pss = standing_server.pss_bytes()
    for session in sessions:
        await session.close()
    assert 10 * MEGABYTE < pss < 150 * MEGABYTE


async def test_the_terminal_cannot_interrupt_the_server(standing_server: EmbeddedPostgres) -> None:
    assert all(os.getsid(pid) != os.getsid(0) for pid in server_processes(standing_server.data_folder))


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as holder:
        port = holder.getsockname()[1]
        postgres = EmbeddedPostgres(tmp_path / "postgres", port)
        with pytest.raises(PortTaken, match=str(port)):
            await postgres.start()
        await postgres.wipe()


async def test_a_second_server_on_the_folder_is_refused_and_the_first_lives(standing_server: EmbeddedPostgres) -> None:
    with pytest.raises(FolderInUse):
        await EmbeddedPostgres(standing_server.folder, free_port()).start()
    assert await value(standing_server, "select 1") == 1


async def test_a_server_in_use_cannot_be_wiped_by_another(standing_server: EmbeddedPostgres) -> None:
    with pytest.raises(FolderInUse):
        await EmbeddedPostgres(standing_server.folder, free_port()).wipe()
    assert await value(standing_server, "select 1") == 1


async def test_a_server_that_somebody_else_killed_starts_again(server: EmbeddedPostgres) -> None:
    await execute(server, "create table deed (name text)", "insert into deed values ('bridge')")
    os.kill(int((server.data_folder / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    assert await becomes(lambda: not server.is_alive, 5)
    await server.start()
    assert await value(server, "select name from deed") == "bridge"


async def test_a_failed_start_tells_what_the_server_said_and_frees_the_folder(server: EmbeddedPostgres) -> None:
    await server.stop()
    operator_file = server.data_folder / "operator.conf"
    operator_file.write_text("no_such_setting = 1\n")
    os.chown(operator_file, server.data_folder.stat().st_uid, -1)
    with pytest.raises(LaunchFailed, match="no_such_setting"):
        await server.start()
    operator_file.unlink()
    await server.start()
    assert server.is_alive


async def test_a_stale_note_with_the_number_of_a_stranger_does_not_stop_the_start(server: EmbeddedPostgres) -> None:
    await server.kill()
    note = server.data_folder / "postmaster.pid"
    owner = server.data_folder.stat().st_uid
    with sleeping_stranger(owner) as stranger:
        lines = note.read_text().splitlines()
        note.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        await server.start()
        assert await value(server, "select 1") == 1
        assert stranger.poll() is None


async def test_an_interrupted_initdb_leaves_nothing_that_counts(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path / "postgres", free_port())
    starting = asyncio.create_task(postgres.start())
    assert await becomes(lambda: half_made_clusters(tmp_path), 10)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not (postgres.folder / "data").exists()
    await postgres.start()
    assert await value(postgres, "select 1") == 1
    await postgres.wipe()


async def test_wiping_leaves_no_data_anywhere(server: EmbeddedPostgres) -> None:
    data = server.data_folder
    await server.wipe()
    assert not data.exists()
    assert {file.name for file in server.folder.iterdir()} == {"lock", "postgres.log"}


async def test_a_dump_restores_into_another_database(standing_server: EmbeddedPostgres, tmp_path: Path) -> None:
    await execute(
        standing_server, "create table deed (name text)", "insert into deed values ('bridge')", "create database other"
    )
    await pg_dump(standing_server.admin_dsn, tmp_path / "dump")
    assert (tmp_path / "dump").stat().st_mode & 0o777 == 0o600
    other = standing_server.admin_dsn.removesuffix("postgres") + "other"
    await pg_restore(other, tmp_path / "dump")
    connection = await asyncpg.connect(other)
    assert await connection.fetchval("select name from deed") == "bridge"
    await connection.close()


async def test_a_failed_dump_names_its_reason_and_no_password(
    standing_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    missing = standing_server.admin_dsn.removesuffix("postgres") + "missing"
    with pytest.raises(LaunchFailed, match='database "missing" does not exist') as failure:
        await pg_dump(missing, tmp_path / "dump")
    assert (standing_server.folder / "admin-password").read_text().strip() not in str(failure.value)


LAUNCHER = """
import asyncio, sys
from pathlib import Path
from infra.embedded.postgres import EmbeddedPostgres

async def main() -> None:
    server = EmbeddedPostgres(Path(sys.argv[1]), int(sys.argv[2]))
    await server.start()
    print("started", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def launched(server: EmbeddedPostgres) -> subprocess.Popen[bytes]:
    """Another process of ours, once it has started the server."""
    words = [sys.executable, "-c", LAUNCHER, str(server.folder), str(server.port)]
    launcher = subprocess.Popen(words, cwd=REPOSITORY, stdout=subprocess.PIPE)
    assert launcher.stdout is not None
    assert launcher.stdout.readline() == b"started\n"
    return launcher


async def test_after_we_are_killed_the_server_ends_and_the_next_start_finds_its_rows(server: EmbeddedPostgres) -> None:
    await execute(server, "create table deed (name text)", "insert into deed values ('bridge')")
    await server.stop()
    launcher = launched(server)
    assert server_processes(server.data_folder)
    launcher.kill()
    launcher.communicate()
    await server.start()  # at once: it has to wait for what the killed one left
    assert await value(server, "select name from deed") == "bridge"


async def test_after_we_are_killed_the_server_does_not_stay(server: EmbeddedPostgres) -> None:
    await server.stop()
    launcher = launched(server)
    launcher.kill()
    launcher.communicate()
    assert await becomes(lambda: not server_processes(server.data_folder), 5)
