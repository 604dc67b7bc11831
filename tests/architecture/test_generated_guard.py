"""Generated files are what their source yields: each way to differ is named, and buf refuses a poor contract."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.architecture.house import ROOT, lay, said_by
from tools import generated, reference

MESSAGES = """syntax = "proto3";

// A throw-away package.
package deedlog.trial.v1;

// SayRequest asks.
message SayRequest {
  // word: one word; for anybody.
  string word = 1;
}

// SayResponse answers.
message SayResponse {
  // word: the same word; for anybody.
  string word = 1;
}
"""
SERVICE = """syntax = "proto3";

// A throw-away service.
package deedlog.trial.v1;

import "deedlog/trial/v1/trial.proto";

// TrialService repeats.
service TrialService {
  // Say repeats a word.
  rpc Say(SayRequest) returns (SayResponse);
}
"""
BUF = ROOT / "tools/node/node_modules/.bin/buf"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    lay(tmp_path, "proto/deedlog/trial/v1/trial.proto", MESSAGES)
    lay(tmp_path, "proto/deedlog/trial/v1/service.proto", SERVICE)
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    return tmp_path / "proto"


@pytest.fixture
def made(sources: Path) -> Path:
    generated.write(sources, sources / "gen")
    return sources / "gen"


def test_messages_stubs_and_types_are_made_for_a_namespace(made: Path) -> None:
    assert sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()) == [
        "deedlog/trial/v1/service_pb2.py",
        "deedlog/trial/v1/service_pb2.pyi",
        "deedlog/trial/v1/service_pb2_grpc.py",
        "deedlog/trial/v1/service_pb2_grpc.pyi",
        "deedlog/trial/v1/trial_pb2.py",
        "deedlog/trial/v1/trial_pb2.pyi",
    ]


def test_what_was_just_made_does_not_differ(sources: Path, made: Path) -> None:
    assert generated.check(sources, made) == []


def test_each_way_to_differ_is_named(sources: Path, made: Path) -> None:
    (made / "deedlog/trial/v1/trial_pb2.py").write_text("# edited by hand\n", encoding="utf-8")
    (made / "deedlog/trial/v1/trial_pb2.pyi").unlink()
    lay(made, "deedlog/gone/v1/gone_pb2.py", "")
    assert generated.check(sources, made) == [
        "different: deedlog/trial/v1/trial_pb2.py",
        "missing: deedlog/trial/v1/trial_pb2.pyi",
        "superfluous: deedlog/gone/v1/gone_pb2.py",
    ]


def test_a_contract_that_does_not_compile_changes_nothing(sources: Path, made: Path) -> None:
    before = sorted(made.rglob("*"))
    lay(sources, "deedlog/trial/v1/trial.proto", "message {\n")
    with pytest.raises(generated.GenerationFailed):
        generated.write(sources, made)
    assert sorted(made.rglob("*")) == before


@pytest.mark.parametrize(
    ("finding", "old", "new"),
    [
        ("COMMENT_FIELD", "  // word: one word; for anybody.\n", ""),
        ("FIELD_LOWER_SNAKE_CASE", "string word = 1;", "string Word = 1;"),
        (
            "ENUM_ZERO_VALUE_SUFFIX",
            "// SayRequest",
            "// Kind.\nenum Kind {\n  // A.\n  KIND_A = 0;\n}\n\n// SayRequest",
        ),
    ],
)
def test_buf_refuses_a_poor_contract(sources: Path, finding: str, old: str, new: str) -> None:
    if not BUF.exists():
        pytest.skip("buf is not here; make check-proto brings it by npm")
    contract = sources / "deedlog/trial/v1/trial.proto"
    assert said_by(BUF, "lint", "--error-format=json", folder=sources.parent)[0] == 0
    contract.write_text(contract.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    code, said = said_by(BUF, "lint", "--error-format=json", folder=sources.parent)
    assert code != 0
    assert finding in said


def test_each_way_a_reference_page_differs_is_named(tmp_path: Path) -> None:
    made = {"events/a.json": "1", "events/b.json": "2", "events.md": "3"}
    reference.write(tmp_path, made)
    assert reference.differences(tmp_path, made) == []
    (tmp_path / "events/a.json").write_text("edited", encoding="utf-8")
    (tmp_path / "events.md").unlink()
    lay(tmp_path, "events/gone.json", "")
    assert reference.differences(tmp_path, made) == [
        "different: events/a.json",
        "missing: events.md",
        "superfluous: events/gone.json",
    ]


def test_a_type_that_is_gone_loses_its_page(tmp_path: Path) -> None:
    reference.write(tmp_path, {"events/a.json": "1", "events/b.json": "2"})
    reference.write(tmp_path, {"events/b.json": "2"})
    assert [path.name for path in (tmp_path / "events").iterdir()] == ["b.json"]
