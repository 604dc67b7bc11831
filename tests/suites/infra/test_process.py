"""Child processes start with a log, end within a bound, and take what they started with them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.embedded import process
from infra.embedded.memory import descendants, pss_bytes, rss_bytes
from infra.embedded.ports import COUNT, FIRST, answers, free_port, is_free
from infra.embedded.process import LaunchFailed, becomes, run, spawn

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


async def never() -> bool:
    return False


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_child_that_ignores_the_first_signal_is_killed_in_time(tmp_path: Path) -> None:
    child = spawn([sys.executable, "-c", STUBBORN], tmp_path / "log")
    assert await becomes(lambda: "ready" in child.log_file.read_text(), 10)
    started = time.monotonic()
    await child.end((signal.SIGTERM, 0.3))
    assert 0.3 <= time.monotonic() - started < 20
    assert child.exit_code == -signal.SIGKILL


async def test_ending_an_ended_child_does_nothing(tmp_path: Path) -> None:
    child = spawn(["true"], tmp_path / "log")
    assert await child.exited(5)
    await child.end((signal.SIGTERM, 0.1))
    assert child.exit_code == 0


async def test_a_child_that_never_gets_ready_is_reported_after_the_bound(tmp_path: Path) -> None:
    child = spawn(["sleep", "60"], tmp_path / "log")
    with pytest.raises(LaunchFailed, match=r"not ready after 0\.2 s"):
        await child.until(never, 0.2)
    await child.end()


async def test_a_child_that_ends_at_start_is_reported_with_its_last_words(tmp_path: Path) -> None:
    child = spawn(["sh", "-c", "echo the disk is full; exit 3"], tmp_path / "log")
    with pytest.raises(LaunchFailed, match="status 3 at start: the disk is full"):
        await child.until(never, 5)


async def test_a_command_past_its_bound_is_ended_with_all_it_started(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    with pytest.raises(LaunchFailed, match="longer than"):
        await run(["sh", "-c", f"sleep 60 & echo $! > {note}; wait"], seconds_max=0.5)
    assert await becomes(lambda: not is_running(int(note.read_text())), 5)


async def test_a_failed_command_tells_status_and_reason() -> None:
    with pytest.raises(LaunchFailed, match="sh ended with status 7: no such deed"):
        await run(["sh", "-c", "echo no such deed >&2; exit 7"], seconds_max=5)


async def test_a_missing_command_is_named() -> None:
    with pytest.raises(LaunchFailed, match="cannot run /no/such/program"):
        await run(["/no/such/program"], seconds_max=5)


async def test_no_variable_of_ours_reaches_a_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "elsewhere")
    assert "PGHOST" not in await run(["env"], seconds_max=5)


async def test_a_child_ends_when_we_are_killed(tmp_path: Path) -> None:
    if not process._setpriv():
        pytest.skip("no setpriv that ties a child to its parent")
    script = (
        "import sys, time; from pathlib import Path; from infra.embedded.process import spawn;"
        "print(spawn(['sleep', '60'], Path(sys.argv[1])).pid, flush=True); time.sleep(60)"
    )
    parent = started([sys.executable, "-c", script, str(tmp_path / "log")])
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert await becomes(lambda: is_running(pid), 5)
    parent.kill()
    parent.communicate()
    assert await becomes(lambda: not is_running(pid), 5)


def started(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3])


def test_memory_of_a_process_includes_its_children_once() -> None:
    with started([sys.executable, "-c", "import time; time.sleep(60)"]) as child:
        try:
            assert child.pid in descendants(os.getpid())
            assert pss_bytes(os.getpid()) > pss_bytes(child.pid)
            assert rss_bytes(child.pid) >= pss_bytes(child.pid) > 0
        finally:
            child.kill()


async def test_free_ports_differ_are_free_and_answer_nobody() -> None:
    ports = [free_port() for _ in range(20)]
    assert len(set(ports)) == 20
    assert all(is_free(port) for port in ports)
    assert not await answers(ports[0])


def test_free_ports_lie_outside_those_of_outgoing_connections() -> None:
    if not EPHEMERAL.exists():
        pytest.skip("this system does not say which ports it hands to outgoing connections")
    assert int(EPHEMERAL.read_text().split()[0]) >= FIRST + COUNT
