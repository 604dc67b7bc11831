"""A backup is of one instant and whole; restored elsewhere it is the same house under another epoch."""

from __future__ import annotations

import asyncio
import hashlib
import json
import stat
import tarfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from infra.embedded.backup import copy_living
from infra.embedded.lending import database_dsn, lent_postgres
from tests.suites.embedded.place import Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def query(place: Place, database: str, sql: str) -> Any:
    """Return one value from a database of the house, as its operator."""

    async def ask() -> Any:
        async with lent_postgres(place.home) as server:
            connection: Any = await asyncpg.connect(database_dsn(server, database))
            try:
                return await connection.fetchval(sql)
            finally:
                await connection.close()

    return asyncio.run(ask())


SAFELY: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
"""What Python 3.11.4 and later ask for; our own file needs no such care."""


def tampered(file: Path, name: str, folder: Path) -> Path:
    """Return a copy of a backup in which one member says something else."""
    unpacked = folder / "unpacked"
    unpacked.mkdir(parents=True)
    with tarfile.open(file) as archive:
        archive.extractall(unpacked, **SAFELY)
    with (unpacked / name).open("ab") as member:
        member.write(b" ")
    bent = folder / "bent.tar"
    with tarfile.open(bent, "w") as archive:
        archive.add(unpacked, arcname=".")
    return bent


def without(file: Path, name: str, folder: Path, instead: bytes | None = None) -> Path:
    """Return a copy of a backup that lacks a member, or holds another in its place; its manifest agrees."""
    unpacked = folder / "unpacked"
    unpacked.mkdir(parents=True)
    with tarfile.open(file) as archive:
        archive.extractall(unpacked, **SAFELY)
    (unpacked / name).unlink()
    manifest = json.loads((unpacked / "manifest.json").read_text())
    del manifest["sha256"][name]
    if instead is not None:
        (unpacked / name).write_bytes(instead)
        manifest["sha256"][name] = hashlib.sha256(instead).hexdigest()
    (unpacked / "manifest.json").write_text(json.dumps(manifest))
    made = folder / "made.tar"
    with tarfile.open(made, "w") as archive:
        archive.add(unpacked, arcname=".")
    return made


@dataclass(frozen=True)
class Kept:
    """A backup of the standing house, and what was in it."""

    file: Path
    told: Any
    person: str
    organisation: str


@pytest.fixture(scope="module")
def kept(standing_house: Place, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    person = standing_house.json("people", "create", "Kept")
    organisation = standing_house.json("organisations", "create", "Kept too")
    file = tmp_path_factory.mktemp("backup") / "house.tar"
    return Kept(file, standing_house.json("backup", str(file)), person["id"], organisation["id"])


def people_in(place: Place) -> int:
    return int(query(place, "deedlog_identity", "SELECT count(*) FROM people"))


def test_a_restored_house_is_the_same_house_under_another_epoch(
    standing_house: Place, place: Place, kept: Kept
) -> None:
    assert place.json("restore", str(kept.file))["services"] == kept.told["services"]
    place.json("up", "--detach")
    assert place.json("people", "show", kept.person)["name"] == "Kept"
    assert place.json("organisations", "list")[0]["id"] == kept.organisation
    assert place.home.admin_key() == standing_house.home.admin_key()
    place.json("people", "create", "After the restore")
    assert query(place, "deedlog_identity", "SELECT count(DISTINCT epoch) FROM backbone.facts") == 2
    for one in standing_house.home.keys.rglob("*.pem"):
        assert (place.home.keys / one.relative_to(standing_house.home.keys)).read_bytes() == one.read_bytes()


def test_a_backup_is_for_its_owner_alone(kept: Kept) -> None:
    assert stat.S_IMODE(kept.file.stat().st_mode) == 0o600


def test_a_running_house_is_never_restored_over(standing_house: Place, kept: Kept) -> None:
    done = standing_house.run("restore", str(kept.file), "--force")
    assert done.returncode == 1
    assert "another copy runs" in done.stderr
    assert standing_house.json("people", "show", kept.person)["name"] == "Kept"


def test_a_house_that_is_there_is_lost_only_by_force(place: Place, kept: Kept) -> None:
    place.json("restore", str(kept.file))
    before = place.home.secrets_file.read_bytes()
    refused = place.run("restore", str(kept.file))
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    assert place.run("restore", str(kept.file), "--force").returncode == 0
    assert place.home.secrets_file.read_bytes() == before
    assert people_in(place) == 1


def test_a_house_that_does_not_run_is_backed_up_too(place: Place, kept: Kept, tmp_path: Path) -> None:
    place.json("restore", str(kept.file))
    again = tmp_path / "again.tar"
    assert place.json("backup", str(again))["services"] == kept.told["services"]
    assert not place.home.is_held()


def test_a_file_that_was_bent_changes_nothing(place: Place, kept: Kept, tmp_path: Path) -> None:
    place.json("restore", str(kept.file))
    cut = tmp_path / "cut.tar"
    cut.write_bytes(kept.file.read_bytes()[:2_000])
    bent = [tampered(kept.file, name, tmp_path / name) for name in ("secrets.json", "databases/identity.dump")]
    for file in (cut, *bent):
        done = place.run("restore", str(file), "--force")
        assert done.returncode == 2, done.stderr
        assert "no whole backup" in done.stderr
    assert people_in(place) == 1


def test_a_file_that_lacks_a_member_changes_nothing(place: Place, kept: Kept, tmp_path: Path) -> None:
    place.json("restore", str(kept.file))
    done = place.run("restore", str(without(kept.file, "databases/identity.dump", tmp_path / "less")), "--force")
    assert done.returncode == 2
    assert "databases/identity.dump is missing" in " ".join(done.stderr.split())
    assert people_in(place) == 1


def test_a_restore_that_broke_off_starts_nothing_until_it_is_done_again(
    place: Place, kept: Kept, tmp_path: Path
) -> None:
    """Interleaving: the old house is gone, and the second database of the backup cannot be read."""
    broken = without(kept.file, "databases/identity.dump", tmp_path / "broken", b"no dump")
    assert place.run("restore", str(broken)).returncode == 3
    for words in (("up", "--detach"), ("up",), ("backup", str(tmp_path / "none.tar")), ("migrate",)):
        refused = place.run(*words)
        assert refused.returncode == 1, refused.stderr
        assert f"deedlog restore {broken}" in refused.stderr.replace("\n", "")
    place.json("restore", str(kept.file))
    place.json("up", "--detach")
    assert place.json("people", "show", kept.person)["name"] == "Kept"


def test_a_database_without_its_secrets_is_lost_only_by_force(place: Place, kept: Kept) -> None:
    place.json("restore", str(kept.file))
    place.home.secrets_file.unlink()
    assert place.run("restore", str(kept.file)).returncode == 1
    place.json("up", "--detach")
    assert place.json("people", "show", kept.person)["name"] == "Kept"


def test_a_backup_leaves_out_what_goes_away_meanwhile(tmp_path: Path) -> None:
    """Interleaving: a check's scratch is tidied between the listing of its folder and the copying of it."""
    source = tmp_path / "files"
    (source / "scratch").mkdir(parents=True)
    (source / "bundle").write_bytes(b"kept")
    (source / "scratch" / "gone").symlink_to(source / "nowhere")
    is_over = threading.Event()

    def churn() -> None:
        while not is_over.is_set():
            for number in range(20):
                folder = source / "scratch" / str(number)
                folder.mkdir()
                (folder / "part").write_bytes(b"x")
                (folder / "part").unlink()
                folder.rmdir()

    churning = threading.Thread(target=churn)
    churning.start()
    try:
        for number in range(100):
            copy_living(source, tmp_path / str(number))
            assert (tmp_path / str(number) / "bundle").read_bytes() == b"kept"
    finally:
        is_over.set()
        churning.join()


def test_a_backup_of_no_house_says_so(place: Place, tmp_path: Path) -> None:
    done = place.run("backup", str(tmp_path / "none.tar"))
    assert done.returncode == 2
    assert "holds no house" in done.stderr
    assert not (tmp_path / "none.tar").exists()
    assert not place.home.path.exists()


def test_no_service_has_heard_more_than_its_owner_keeps(
    standing_house: Place, place: Place, kept: Kept, tmp_path: Path
) -> None:
    """Interleaving: people are registered without pause while the databases are dumped one after another."""
    is_over = threading.Event()

    def register() -> None:
        with standing_house.api() as api:
            while not is_over.is_set():
                api.post("/v1/people", json={"name": "Busy"}).raise_for_status()

    writers = [threading.Thread(target=register) for _ in range(2)]
    for writer in writers:
        writer.start()
    file = tmp_path / "busy.tar"
    try:
        standing_house.json("backup", str(file))
    finally:
        is_over.set()
        for writer in writers:
            writer.join()
    place.json("restore", str(file))
    told = query(place, "deedlog_identity", "SELECT sum(number)::bigint FROM backbone.streams")
    heard = query(
        place,
        "deedlog_record_log",
        "SELECT coalesce(sum(number), 0)::bigint FROM derived.positions WHERE source = 'identity'",
    )
    print(f"identity had told {told} facts, record_log had heard {heard}")
    assert 0 < heard <= told
