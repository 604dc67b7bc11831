"""The workshop itself: set-up explains itself, tests stay on this machine, and CI does not take a skip for a pass."""

from __future__ import annotations

import os
import shutil
import socket
import stat
from pathlib import Path

import pytest

from tests.architecture.house import BIN, ROOT, said_by
from tests.conftest import LeavesTheMachine

DOCUMENTATION_HOST = "192.0.2.1"  # RFC 5737: given to nobody
TARGETS = (
    *("help", "setup", "run", "up", "down", "demo", "test", "test-kafka", "kafka", "bench", "bench-long"),
    *("check", "format", "proto", "docs", "lock", "clean"),
)
SETUP_NEEDS = ("sh", "dirname", "cat", "sed", "cksum", "date", "rm", "pwd")


def path_with_python(folder: Path, script: str) -> dict[str, str]:
    """Return an environment whose PATH holds what set-up uses and a `python3` that is `script`."""
    for name in SETUP_NEEDS:
        (folder / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    python = folder / "python3"
    python.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return {"PATH": str(folder), "DEEDLOG_VENV": str(folder / "venv")}


def test_set_up_names_the_python_it_needs_and_the_one_it_found(tmp_path: Path) -> None:
    environment = path_with_python(tmp_path, 'case "$1" in --version) echo Python 3.9.18;; *) exit 1;; esac')
    code, said = said_by(ROOT / "tools/setup.sh", "run", environment=environment)
    assert code == 3
    assert "needs Python 3.11 or newer; Python 3.9.18 is what stands here" in said
    assert not (tmp_path / "venv").exists()


def test_help_lists_every_target_that_has_a_sentence() -> None:
    code, said = said_by("make", "help")
    assert code == 0
    assert [name for name in TARGETS if f"make {name} " not in said] == []


def test_every_test_that_is_marked_a_bench_is_run_by_a_command() -> None:
    recipes = "\n".join(said_by("make", "-n", name)[1] for name in ("bench-long", "bench-inference"))
    lines = [line.split() for line in recipes.splitlines() if "-m bench" in line]
    folders = tuple(f"{word}/" for line in lines for word in line if word.startswith("tests/"))
    others = set((ROOT / "tests").rglob("test_*.py")) - {Path(__file__)}
    marked = [file for file in others if "pytest.mark.bench" in file.read_text(encoding="utf-8")]
    assert marked
    assert [file for file in marked if not file.relative_to(ROOT).as_posix().startswith(folders)] == []


def test_ci_runs_what_the_readme_gives() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "for target in check test test-kafka; do" in script
    assert "set -euo pipefail" in script


@pytest.mark.parametrize("call", ["connect", "bind"])
def test_a_test_cannot_leave_the_machine(call: str) -> None:
    with socket.socket() as stranger, pytest.raises(LeavesTheMachine):
        getattr(stranger, call)((DOCUMENTATION_HOST, 9))


def test_a_test_cannot_serve_the_network() -> None:
    with socket.socket() as server, pytest.raises(LeavesTheMachine):
        server.bind(("0.0.0.0", 0))


def test_a_test_may_speak_to_itself() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with our settings and conftest, and one Kafka test that skips itself."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "tests").mkdir()
    shutil.copy(ROOT / "tests/conftest.py", tmp_path / "tests")
    return tmp_path


def run_pytest(folder: Path, source: str, mark: str, *words: str, **variables: str) -> tuple[int, str]:
    (folder / "tests/test_seeded.py").write_text(source, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | variables
    return said_by(
        BIN / "python",
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-m",
        mark,
        *words,
        folder=folder,
        environment=environment,
    )


SKIPPED_TEST = "import pytest\n\n@pytest.mark.kafka\ndef test_x():\n    pytest.skip('no Java')\n"
SKIPPED_MODULE = "import pytest\n\npytest.skip('no Java', allow_module_level=True)\n"


@pytest.mark.parametrize("words", [(), ("-n", "2", "--dist", "loadfile")], ids=["alone", "side by side"])
@pytest.mark.parametrize("source", [SKIPPED_TEST, SKIPPED_MODULE], ids=["test", "module"])
def test_a_skipped_kafka_test_fails_in_ci(elsewhere: Path, source: str, words: tuple[str, ...]) -> None:
    code, said = run_pytest(elsewhere, source, "kafka", *words, CI="true")
    assert code not in {0, 5}, said
    assert "may not be skipped" in said


def test_a_skipped_kafka_test_is_allowed_on_a_desk(elsewhere: Path) -> None:
    code, said = run_pytest(elsewhere, SKIPPED_TEST, "kafka")
    assert code == 0, said
    assert "1 skipped" in said


MADE_AT_COLLECTION = """
import secrets

import pytest

@pytest.mark.parametrize("content", [b"plain", b"\\0" + secrets.token_bytes(8), b"\\0" + secrets.token_bytes(8)])
def test_x(content):
    assert content
"""


def test_cases_of_bytes_have_the_same_names_in_every_process(elsewhere: Path) -> None:
    code, said = run_pytest(elsewhere, MADE_AT_COLLECTION, "", "-n", "2", "-v")
    assert code == 0, said
    assert all(f"test_x[{name}]" in said for name in ("plain", "content0", "content1")), said


DRAWS = """
from hypothesis import given, settings, strategies

drawn = []

@settings(max_examples=3, database=None)
@given(strategies.integers())
def test_by_hypothesis(number):
    drawn.append(number)

def test_by_hand(rng, seed):
    print("drew", seed, rng.random(), drawn)
    assert False
"""


def test_the_seed_is_printed_and_repeats_the_run(elsewhere: Path) -> None:
    drawn = [run_pytest(elsewhere, DRAWS, "", DEEDLOG_TEST_SEED=seed)[1] for seed in "778"]
    assert all("DEEDLOG_TEST_SEED=7" in said for said in drawn[:2])
    first, again, other = ([line for line in said.splitlines() if line.startswith("drew")] for said in drawn)
    assert first
    assert first == again
    assert first != other


def test_a_warning_fails_a_test(elsewhere: Path) -> None:
    code, said = run_pytest(elsewhere, "import warnings\n\ndef test_x():\n    warnings.warn('old')\n", "")
    assert code == 1, said


def test_a_hanging_test_is_ended(elsewhere: Path) -> None:
    source = "import time\nimport pytest\n\n@pytest.mark.timeout(1)\ndef test_x():\n    time.sleep(30)\n"
    code, said = run_pytest(elsewhere, source, "")
    assert code == 1
    assert "Timeout" in said
