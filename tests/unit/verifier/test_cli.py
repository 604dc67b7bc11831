"""The commands answer by exit code, say why, and never let a file speak to the terminal."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from shared.verifier import load_trust, save_trust
from shared.verifier.cli import main, run_trust_add, run_trust_list, run_trust_remove, run_verify
from tests.unit.verifier.house import DID, ISSUER_KEY, LOG, NOW, STRANGER_KEY, TRUST, bent, file_of, good, vkey


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    path = tmp_path / "trust.json"
    save_trust(TRUST, path)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "credential.json"
    path.write_bytes(file_of(good()))
    return path


def test_a_valid_file_exits_0_and_says_so_first(file: Path, trust: Path) -> None:
    out = io.StringIO()
    assert run_verify(file, trust, NOW, json_output=False, out=out) == 0
    lines = out.getvalue().splitlines()
    assert lines[0] == "VALID"
    assert sum("passed" in line for line in lines) == 8
    assert "Not checked:" in lines


def test_an_unknown_issuer_exits_1_and_is_not_called_a_forgery(file: Path, tmp_path: Path) -> None:
    out = io.StringIO()
    assert run_verify(file, tmp_path / "no.json", NOW, json_output=False, out=out) == 1
    assert out.getvalue().startswith("INTACT, ISSUER UNKNOWN\n")
    assert "FAILED" not in out.getvalue()


def test_the_verdict_as_json_is_one_document(file: Path, trust: Path) -> None:
    out = io.StringIO()
    assert run_verify(file, trust, NOW, json_output=True, out=out) == 0
    assert json.loads(out.getvalue())["valid"] is True


def test_a_file_that_is_not_there_is_wrong_use(trust: Path, tmp_path: Path) -> None:
    out = io.StringIO()
    assert run_verify(tmp_path / "none.json", trust, NOW, json_output=False, out=out) == 2
    assert "No such file" in out.getvalue()
    out = io.StringIO()
    assert run_verify(tmp_path, trust, NOW, json_output=True, out=out) == 2
    assert "Is a directory" in json.loads(out.getvalue())["error"]


def test_a_broken_trust_file_is_wrong_use_and_not_an_empty_one(file: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    assert run_verify(file, broken, NOW, json_output=False, out=io.StringIO()) == 2
    assert run_trust_list(broken, json_output=False, out=io.StringIO()) == 2
    assert run_trust_add([vkey()], broken, io.StringIO()) == 2
    assert run_trust_remove(LOG, broken, io.StringIO()) == 2
    assert broken.read_text() == "{"


def test_a_refused_file_says_which_steps_were_not_taken(trust: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(b"{}")
    out = io.StringIO()
    assert run_verify(path, trust, NOW, json_output=False, out=out) == 1
    assert "2-8 not looked at" in out.getvalue()


def test_a_file_cannot_speak_to_the_terminal(trust: Path, tmp_path: Path) -> None:
    path = tmp_path / "loud.json"
    path.write_bytes(file_of(bent("did_document", "id", to=lambda _: "did:web:\x1b]0;owned\x07\x1b[2J")))
    out = io.StringIO()
    run_verify(path, trust, NOW, json_output=False, out=out)
    assert "\x1b" not in out.getvalue()
    assert "\x07" not in out.getvalue()


def test_keys_are_pinned_listed_and_unpinned(tmp_path: Path) -> None:
    path = tmp_path / "trust.json"
    assert run_trust_add([DID, ISSUER_KEY.multikey, STRANGER_KEY.multikey], path, io.StringIO()) == 0
    assert run_trust_add([vkey()], path, io.StringIO()) == 0
    out = io.StringIO()
    assert run_trust_list(path, json_output=False, out=out) == 0
    assert out.getvalue().split() == [
        *("issuer", DID, ISSUER_KEY.multikey),
        *("issuer", DID, STRANGER_KEY.multikey),
        *("log", vkey()),
    ]
    assert run_trust_remove(STRANGER_KEY.multikey, path, io.StringIO()) == 0
    assert load_trust(path) == TRUST
    assert run_trust_remove(STRANGER_KEY.multikey, path, io.StringIO()) == 1


def test_a_trust_file_is_pinned_as_a_whole(trust: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    assert run_trust_add([str(trust)], path, io.StringIO()) == 0
    assert load_trust(path) == TRUST


@pytest.mark.parametrize("words", [[], [DID], [DID, "z6Mk"], ["nonsense"], [vkey(), ISSUER_KEY.multikey]])
def test_what_cannot_be_pinned_is_wrong_use_and_pins_nothing(words: list[str], tmp_path: Path) -> None:
    path = tmp_path / "trust.json"
    assert run_trust_add(words, path, io.StringIO()) == 2
    assert not path.exists()


def test_listing_as_json_is_a_trust_file(trust: Path) -> None:
    out = io.StringIO()
    assert run_trust_list(trust, json_output=True, out=out) == 0
    assert json.loads(out.getvalue()) == TRUST.as_json()


def test_the_stand_alone_command_runs_every_subcommand(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pins = ["--trust", str(tmp_path / "pins.json")]
    assert main(["trust", "add", DID, ISSUER_KEY.multikey, *pins]) == 0
    assert main(["trust", "add", vkey(), *pins]) == 0
    assert main(["trust", "list", *pins, "--json"]) == 0
    assert main(["trust", "remove", LOG, *pins]) == 0
    assert main(["verify", str(file), *pins, "--json"]) == 1
    assert '"code"' in capsys.readouterr().out
    with pytest.raises(SystemExit, match="2"):
        main(["verify"])


def test_the_verifier_runs_as_a_module_and_loads_nothing_of_a_server(file: Path, trust: Path) -> None:
    program = (
        "import sys; from shared.verifier.cli import main; "
        f"code = main(['verify', {str(file)!r}, '--trust', {str(trust)!r}]); "
        "loaded = {name.split('.')[1] for name in sys.modules if name.startswith('shared.')}; "
        "assert loaded == {'kernel', 'verifier'}, loaded; "
        "assert not {'asyncpg', 'grpc', 'pydantic', 'services', 'aiokafka'} & set(sys.modules); sys.exit(code)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert run.stderr == ""
    # It reads the machine's clock, so only the steps that know no time are looked at.
    assert "3 passed   issuer" in run.stdout
    assert "8 passed   record-log" in run.stdout
    module = [sys.executable, "-m", "shared.verifier", "verify", "/nowhere.json", "--trust", str(trust)]
    assert subprocess.run(module, capture_output=True, timeout=30, check=False).returncode == 2
