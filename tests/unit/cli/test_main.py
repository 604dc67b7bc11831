"""The command as a whole: each command is found and explained, wrong use is told apart, nothing is imported in vain."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import COMMANDS, run

ROOT = Path(__file__).parents[3]
HEAVY = ("httpx", "aiokafka", "grpc", "starlette", "uvicorn", "faststream")


@pytest.fixture(autouse=True)
def own_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DEEDLOG_HOME", str(tmp_path / "house"))
    for name in ("DEEDLOG_PORT", "DEEDLOG_ORIGIN", "DEEDLOG_KEY", "DEEDLOG_TRUST"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    said = capsys.readouterr().out
    assert f"deedlog {command}" in said
    assert len(said.splitlines()) > 3


@pytest.mark.parametrize("arguments", [["nonsense"], ["people", "nonsense"], ["people", "show"], ["up", "--nonsense"]])
def test_wrong_use_is_told_by_its_own_exit_code(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().err != ""


def test_a_port_that_is_none_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEEDLOG_PORT", "eighty")
    assert run(["status"]) == 2
    assert "DEEDLOG_PORT" in capsys.readouterr().err


def test_status_of_no_house_is_no(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["status"]) == 1
    assert "deedlog up" in capsys.readouterr().out
    assert not (tmp_path / "house").exists()


def test_the_doctor_finds_that_no_house_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [one["name"] for one in findings if one["judgement"] == "wrong"] == ["running"]


def test_a_credential_is_missing_until_a_house_was_started(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["people", "list"]) == 2
    assert "deedlog up" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["up"], ["up", "--detach"], ["status"], ["down"], ["people", "list"]])
def test_a_data_folder_that_is_none_is_told_in_a_sentence(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "house").write_text("a file")
    assert run(arguments) == 2
    said = capsys.readouterr().err
    assert f"{tmp_path}/house" in said.replace("\n", "")
    assert "DEEDLOG_HOME" in said


def test_a_backup_into_no_folder_is_refused_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["backup", "/no-such-folder/house.tar"]) == 2
    assert "/no-such-folder: there is no such folder" in capsys.readouterr().err


def test_a_closed_pipe_is_no_failure() -> None:
    command = f"{sys.executable} -m cli.main --help | head -n 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, cwd=ROOT, timeout=30, check=False)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["trust", "list"], ["verify", "/nowhere"]])
def test_what_needs_no_network_loads_no_client_and_no_server(arguments: list[str]) -> None:
    script = (
        "import sys\nfrom cli.main import run\n"
        f"run({arguments!r})\n"
        f"sys.stderr.write(' '.join(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=30, check=False
    )
    assert done.stderr == ""
