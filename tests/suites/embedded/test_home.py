"""The data folder: made closed, held by one, its secrets written once, and no folder of others touched."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from infra.embedded import keeper, state
from infra.embedded.hold import HouseRuns
from infra.embedded.home import Home, default_home, write_private
from infra.embedded.keeper import keep_detached, require_free
from infra.embedded.layout import lay_out
from infra.embedded.obstacle import NoRoom
from infra.embedded.ports import free_port
from infra.embedded.state import HouseState, ProcessState, write_state
from infra.embedded.system_user import SYSTEM_FOLDER
from shared.kernel.errors import Broken, Conflict, Rejected

SERVICES = ("identity", "record_log")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "house")


def test_secrets_are_readable_by_their_owner_alone(home: Home) -> None:
    home.make(SERVICES)
    assert mode(home.secrets_file) == mode(home.admin_key_file) == 0o600
    assert {mode(folder) for folder in (home.keys, home.files, home.logs, home.keys / "identity")} == {0o700}


def test_the_folder_lets_nobody_list_it(home: Home) -> None:
    old = os.umask(0)
    try:
        home.make(SERVICES)
    finally:
        os.umask(old)
    assert mode(home.path) == (0o711 if os.geteuid() == 0 else 0o700)


def test_a_folder_that_was_there_keeps_its_rights(home: Home) -> None:
    home.path.mkdir(0o750)
    home.path.chmod(0o750)
    above = mode(home.path.parent)
    home.make(SERVICES)
    assert mode(home.path) == 0o750
    assert mode(home.path.parent) == above


def test_secrets_are_written_once(home: Home) -> None:
    first, key = home.make(SERVICES), home.admin_key()
    assert home.make(SERVICES) == first
    assert home.admin_key() == key


def test_a_service_that_comes_later_gets_passwords_and_the_others_keep_theirs(home: Home) -> None:
    first = home.make(SERVICES)
    second = home.make((*SERVICES, "skill_profiles"))
    assert {service: second.passwords[service] for service in SERVICES} == first.passwords
    assert set(second.passwords["skill_profiles"]) == {"door", "backbone"}
    assert home.secrets() == second


def test_no_two_secrets_are_alike(home: Home) -> None:
    secrets = home.make(SERVICES)
    words = [password for roles in secrets.passwords.values() for password in roles.values()]
    words += [secrets.service_token, home.admin_key()]
    assert len(set(words)) == len(words)
    assert all(len(word) >= 43 for word in words)


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"service_token": "x"}', '{"service_token": "x", "passwords": {}}', "\x00"]
)
def test_broken_secrets_are_named_and_not_replaced(home: Home, content: str) -> None:
    home.make(SERVICES)
    home.secrets_file.write_text(content)
    with pytest.raises(Broken, match=r"secrets\.json"):
        home.make(SERVICES)
    assert home.secrets_file.read_text() == content


def test_a_folder_without_a_key_says_what_to_do(home: Home) -> None:
    with pytest.raises(Rejected, match="deedlog up"):
        home.admin_key()


@pytest.mark.parametrize("content", [b"", b"dla_cut", b"\xff" * 48, b"dla_two words" * 4])
def test_a_bent_admin_key_opens_nothing_and_is_told_with_the_mend(home: Home, content: bytes) -> None:
    home.make(SERVICES)
    home.admin_key_file.write_bytes(content)
    for look in (home.admin_key, home.admin_key_digest):
        with pytest.raises(Broken, match=r"admin\.key is not what was written.*remove it"):
            look()


def test_secrets_that_were_removed_are_made_anew(home: Home) -> None:
    first = home.make(SERVICES)
    home.secrets_file.unlink()
    assert home.make(SERVICES).passwords["identity"] != first.passwords["identity"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_house_of_another_user_is_left_alone(home: Home) -> None:
    home.make(SERVICES)
    os.chown(home.secrets_file, 65534, 65534)
    before = sorted(home.path.iterdir())
    for touch in (home.hold, partial(require_free, home)):
        with pytest.raises(Conflict, match="holds a house of user"):
            touch()
    assert sorted(home.path.iterdir()) == before


def test_a_start_without_room_is_refused_before_anything_is_written(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "ROOM_BYTES_MIN", 1 << 60)
    with pytest.raises(NoRoom, match="Make room"):
        keep_detached(home, lay_out("shared", free_port()))
    assert list(home.path.iterdir()) == []


def test_what_ends_by_itself_while_leftovers_are_ended_is_no_failure(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interleaving: a killed house's process, told by the system, ends between the look at it and the signal."""
    home.make(SERVICES)
    ended = subprocess.Popen(["true"])
    ended.wait(10)
    left = ProcessState("intake", ended.pid, 1.0)
    write_state(home, HouseState(1, "ready", 9500, "shared", ("identity",), "2026-11-23T12:00:00Z", processes=(left,)))
    monkeypatch.setattr(state, "still_runs", lambda one: True)
    assert asyncio.run(state.end_leftovers(home)) == ["intake"]


def test_a_house_that_is_half_restored_is_not_started(home: Home) -> None:
    home.make(SERVICES)
    write_private(home.restoring_file, "/safe/house.tar\n")
    with pytest.raises(Conflict, match=r"deedlog restore /safe/house\.tar"):
        keep_detached(home, lay_out("shared", free_port()))


def test_a_second_hold_is_refused_with_the_number_of_the_first(home: Home) -> None:
    hold = home.hold()
    with pytest.raises(HouseRuns, match=f"process {os.getpid()}"):
        home.hold()
    assert home.is_held()
    hold.let_go()
    assert not home.is_held()
    home.hold().let_go()


def test_a_hold_ends_with_its_process(home: Home) -> None:
    script = f"""
import os, signal
from pathlib import Path
from infra.embedded.home import Home
hold = Home(Path({str(home.path)!r})).hold()
os.kill(os.getpid(), signal.SIGKILL)
"""
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", script], check=False, timeout=30, cwd=root)
    assert home.lock_file.read_text().strip() != ""
    home.hold().let_go()


def test_the_folder_named_in_the_environment_is_taken(tmp_path: Path) -> None:
    assert default_home({"DEEDLOG_HOME": str(tmp_path)}).path == tmp_path


@pytest.mark.skipif(os.geteuid() != 0, reason="root's own default")
def test_root_keeps_its_data_in_the_system_folder() -> None:
    assert default_home({}).path == SYSTEM_FOLDER


@pytest.mark.skipif(os.geteuid() == 0, reason="everybody else's default")
def test_a_user_keeps_data_where_their_system_says(tmp_path: Path) -> None:
    assert default_home({"XDG_DATA_HOME": str(tmp_path)}).path == tmp_path / "deedlog"
