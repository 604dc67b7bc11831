"""The whole house as its users meet it: real processes, started by the command, killed and stopped by signals.

Bounds are generous, for two shared cores; the figures are printed (`-s` shows them).
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.suites.embedded.conftest import new_place
from tests.suites.embedded.place import READY_SECONDS_MAX, ROOT, Place

STOP_SECONDS_MAX = 11.0
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def descendants(pid: int) -> list[psutil.Process]:
    return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def stopped(process: subprocess.Popen[str], number: signal.Signals) -> tuple[float, str]:
    """Send a signal and return the seconds it took to end, and all that was said."""
    began = time.monotonic()
    process.send_signal(number)
    said, _ = process.communicate(timeout=30)
    return time.monotonic() - began, said


@pytest.fixture(scope="module")
def settled() -> Iterator[Place]:
    """A house that was started before, so that starting it again makes no new cluster."""
    found = new_place()
    try:
        found.json("up", "--detach")
        found.run("down")
        yield found
    finally:
        found.clean()


@pytest.fixture
def place(settled: Place) -> Iterator[Place]:
    """The settled house, at rest before and after."""
    yield settled
    settled.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_from_the_door_inwards(place: Place, number: signal.Signals) -> None:
    process = place.up()
    everybody = descendants(process.pid)
    seconds, said = stopped(process, number)
    print(f"stopped by {number.name} in {seconds:.2f} s")
    assert process.returncode == 0
    assert seconds < STOP_SECONDS_MAX
    assert alive(everybody) == []
    order = [line.split()[0] for line in said.splitlines() if "stopped in" in line]
    assert order[0] == "intake"
    assert order[-2:] == ["broker", "postgres"]
    assert place.state()["phase"] == "stopped"


@pytest.mark.parametrize("pause_seconds", [0.0, 0.3, 1.0])
def test_a_start_that_is_interrupted_leaves_nothing_running(place: Place, pause_seconds: float) -> None:
    process = place.starting()
    place.until("starting")
    time.sleep(pause_seconds)
    everybody = descendants(process.pid)
    seconds, said = stopped(process, signal.SIGINT)
    print(f"interrupted {pause_seconds} s into the start, ended after {seconds:.2f} s")
    assert seconds < STOP_SECONDS_MAX
    assert "Traceback" not in said
    assert alive(everybody) == []
    assert not place.home.is_held()


def test_a_start_in_the_background_that_is_interrupted_leaves_nothing_running(place: Place) -> None:
    process = place.starting("--detach")
    place.until("starting")
    everybody = descendants(place.state()["pid"])
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "Traceback" not in said
    ends_at = time.monotonic() + STOP_SECONDS_MAX
    while alive(everybody) and time.monotonic() < ends_at:
        time.sleep(0.02)
    assert alive(everybody) == []
    assert not place.home.is_held()


def test_a_second_start_finds_its_data_and_is_no_slower(fresh_place: Place) -> None:
    first = fresh_place.json("up", "--detach")["seconds_to_ready"]
    with fresh_place.api() as api:
        made = api.post("/v1/organisations", json={"name": "Kept"}).raise_for_status().json()
    assert fresh_place.run("down").returncode == 0
    second = fresh_place.json("up", "--detach")["seconds_to_ready"]
    print(f"first start ready after {first:.2f} s, second after {second:.2f} s")
    with fresh_place.api() as api:
        listed = api.get("/v1/organisations").raise_for_status().json()["items"]
    assert [one["id"] for one in listed] == [made["id"]]
    assert first < READY_SECONDS_MAX
    assert second < first + 2.0


def test_ready_says_where_to_look(place: Place) -> None:
    process = place.up()
    _, said = stopped(process, signal.SIGINT)
    for wanted in (f"http://127.0.0.1:{place.port}", str(place.home.path), "admin.key", "Ctrl-C", "deedlog doctor"):
        assert wanted in said
    assert "development sign-in is on" in said


def test_a_second_copy_is_refused_and_the_first_goes_on(place: Place) -> None:
    process = place.up()
    for words in (("up",), ("up", "--detach")):
        done = place.run(*words)
        assert done.returncode == 1
        assert f"(process {process.pid})" in done.stderr
        assert str(place.home.path) in done.stderr
        assert "Traceback" not in done.stderr
    assert place.run("status").returncode == 0


@pytest.mark.parametrize("name", ["intake", "inference", "record", "broker", "postgres"])
def test_what_is_killed_is_started_again_and_becomes_ready(place: Place, name: str) -> None:
    place.json("up", "--detach")
    if not any(one["name"] == name for one in place.state()["processes"]):
        pytest.skip(f"this house has no {name}")
    killed = place.pid(name)
    os.kill(killed, signal.SIGKILL)
    ends_at = time.monotonic() + READY_SECONDS_MAX
    while place.pid(name) == killed:
        assert time.monotonic() < ends_at
        time.sleep(0.05)
    print(f"{name} runs again, all is ready after {place.until_healthy():.2f} s")
    with place.api() as api:
        assert api.get("/v1/organisations").status_code == 200


def test_a_killed_keeper_leaves_nothing_running_and_the_next_start_works(place: Place) -> None:
    place.json("up", "--detach")
    keeper = place.state()["pid"]
    everybody = descendants(keeper)
    os.kill(keeper, signal.SIGKILL)
    assert place.json("up", "--detach")["seconds_to_ready"] < READY_SECONDS_MAX
    assert alive(everybody) == []


def test_a_house_that_cannot_note_its_state_looks_after_its_parts_all_the_same(place: Place) -> None:
    """As on a full disk: the file of the state cannot be written, and a part dies."""
    place.json("up", "--detach")
    keeper, killed = psutil.Process(place.state()["pid"]), place.pid("broker")
    everybody = descendants(keeper.pid)
    obstacle = place.home.path / ".house.json.aside"
    obstacle.mkdir()
    try:
        for _ in range(2):
            os.kill(killed, signal.SIGKILL)
            assert place.run("status").returncode == 1
            ends_at = time.monotonic() + READY_SECONDS_MAX
            while not (brokers := {one.pid for one in keeper.children() if one.name() == "tansu"} - {killed}):
                assert time.monotonic() < ends_at
                time.sleep(0.05)
            (killed,) = brokers
        assert place.run("down").returncode == 0
    finally:
        obstacle.rmdir()
    ends_at = time.monotonic() + STOP_SECONDS_MAX
    while alive(everybody) and time.monotonic() < ends_at:
        time.sleep(0.02)
    assert alive(everybody) == []


def test_a_taken_port_is_told_in_a_sentence_and_nothing_is_left(place: Place) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", place.port))
        holder.listen()
        for words in (("up",), ("up", "--detach")):
            done = place.run(*words)
            assert done.returncode == 3
            assert f"{place.port} (the origin)" in done.stderr
            assert "Traceback" not in done.stderr
    assert place.state()["phase"] == "failed"
    assert not place.home.is_held()


def test_down_says_whether_anything_ran(place: Place) -> None:
    assert place.json("down") == {"was_running": False, "home": str(place.home.path)}
    place.json("up", "--detach")
    everybody = descendants(place.state()["pid"])
    began = time.monotonic()
    assert place.json("down")["was_running"] is True
    print(f"down took {time.monotonic() - began:.2f} s")
    assert time.monotonic() - began < STOP_SECONDS_MAX
    # The folder is let go as the keeper's last act; the process itself ends a moment later.
    ends_at = time.monotonic() + 3
    while alive(everybody) and time.monotonic() < ends_at:
        time.sleep(0.02)
    assert alive(everybody) == []


def test_one_process_a_service_is_the_same_house(place: Place) -> None:
    told = place.json("up", "--detach", "--layout", "separate")
    print(f"separate layout ready after {told['seconds_to_ready']:.2f} s")
    names = {one["name"] for one in place.state()["processes"]}
    assert names == {"postgres", "broker", "gateway", *told["services"]}
    with place.api() as api:
        assert api.post("/v1/organisations", json={"name": "Through the gateway"}).status_code == 201
        assert api.get("/v1/rubrics").status_code == 200


def test_no_folder_of_others_is_loosened(fresh_place: Place) -> None:
    watched = [fresh_place.home.path.parent, *fresh_place.home.path.parent.parents, ROOT, ROOT / ".venv"]
    before = {folder: stat.S_IMODE(folder.stat().st_mode) for folder in watched}
    fresh_place.json("up", "--detach")
    fresh_place.run("down")
    assert {folder: stat.S_IMODE(folder.stat().st_mode) for folder in watched} == before
    for file in fresh_place.home.path.rglob("*"):
        if file.is_file() and not file.is_symlink():
            assert not file.stat().st_mode & 0o077, f"{file} is open to others"


def test_the_idle_house_fits_its_memory(place: Place) -> None:
    place.json("up", "--detach")
    memory = place.json("status")["memory_bytes"] / 2**20
    print(f"idle after the start: {memory:.0f} MB (Pss)")
    assert memory < 700


@pytest.fixture
def strangers_python(fresh_place: Place) -> Path:
    """An environment with this one's packages, on a Python that every user of the machine may run."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    found = shutil.which(name, path="/usr/local/bin:/usr/bin")
    if found is None:
        pytest.skip(f"no {name} that other users could run")
    venv = fresh_place.home.path.parent / "venv"
    subprocess.run([found, "-m", "venv", "--without-pip", venv], check=True, timeout=60)
    packages = sysconfig.get_path("purelib")
    lines = [packages, str(ROOT), str(ROOT / "proto" / "gen"), ""]
    (venv / "lib" / name / "site-packages" / "house.pth").write_text("\n".join(lines))
    return venv / "bin" / "python"


@only_root
def test_a_user_without_rights_runs_it_as_themselves(fresh_place: Place, strangers_python: Path) -> None:
    shutil.chown(fresh_place.home.path.parent, "nobody", "nogroup")
    words = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", str(strangers_python), "-m", "cli.main"]

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*words, *more], env=fresh_place.environment, capture_output=True, text=True, timeout=90, check=False
        )

    done = run("up", "--detach", "--json")
    try:
        assert done.returncode == 0, done.stderr
        assert stat.S_IMODE(fresh_place.home.path.stat().st_mode) == 0o700
        owners = {psutil.Process(one["pid"]).username() for one in fresh_place.state()["processes"]}
        assert owners == {"nobody"}
        assert not (fresh_place.home.postgres / "data").is_symlink()
    finally:
        assert run("down").returncode == 0
