"""Logs are bounded while their processes run, and what is in the way of that is told once."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from infra.embedded import logs
from infra.embedded.logs import keep_short, shorten_log
from infra.embedded.process import becomes, spawn


async def test_a_grown_log_is_set_aside_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LOG_BYTES_MAX", 10)
    log = tmp_path / "log"
    log.write_text("eleven bytes")
    child = spawn(["echo", "fresh"], log)
    assert await child.exited(5)
    assert log.read_text() == "fresh\n"
    assert (tmp_path / "log.1").read_text() == "eleven bytes"


async def test_a_log_that_grows_is_shortened_under_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "LOG_BYTES_MAX", 10)
    log, go = tmp_path / "log", tmp_path / "go"
    script = "import sys, time; from pathlib import Path; print('twelve bytes', flush=True)\n"
    script += "while not Path(sys.argv[1]).exists(): time.sleep(0.01)\nprint('short')"
    child = spawn([sys.executable, "-c", script, str(go)], log)
    try:
        assert await becomes(lambda: log.read_text() == "twelve bytes\n", 10)
        assert shorten_log(log)
        go.touch()
        assert await child.exited(10)
    finally:
        await child.end()
    assert log.read_text() == "short\n"
    assert (tmp_path / "log.1").read_text() == "twelve bytes\n"
    assert not shorten_log(log)
    assert not shorten_log(tmp_path / "none")


async def test_the_logs_of_a_house_are_kept_short_also_beside_one_that_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder in the place of a log stands for what cannot be shortened."""
    monkeypatch.setattr(logs, "LOG_BYTES_MAX", 10)
    stuck, log = tmp_path / "a.log", tmp_path / "b.log"
    stuck.mkdir()
    (stuck / "file").touch()
    said: list[str] = []
    looks = 0

    def log_files() -> list[Path]:
        nonlocal looks
        looks += 1
        return [stuck, log]

    keeping = asyncio.create_task(keep_short(log_files, said.append, look_seconds=0.001))
    for text in ("the first lines", "the second lines"):
        log.write_text(text)
        assert await becomes(lambda: log.read_text() == "", 10)
        assert (tmp_path / "b.log.1").read_text() == text
    seen = looks
    assert await becomes(lambda: looks > seen + 2, 10)
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping
    assert [sentence for sentence in said if "a.log" in sentence] == said[:1]
    assert said[1:] == ["b.log was too long; its lines are in b.log.1"] * 2
