"""What went wrong is told once and the same way everywhere: a sentence, the reason, the next step, and an exit code."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.answers import Refusal, complain, exit_code, printable, show, table
from shared.kernel.errors import (
    Broken,
    Conflict,
    DeedlogError,
    Forbidden,
    NotFound,
    Rejected,
    TooLarge,
    Unauthenticated,
    Unavailable,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("x"), 1),
        (Conflict("x"), 1),
        (Forbidden("x"), 1),
        (Rejected("x"), 2),
        (TooLarge("x"), 2),
        (Unauthenticated("x"), 2),
        (Unavailable("x"), 3),
        (Broken("x"), 3),
        (DeedlogError("x"), 3),
        (Refusal(400, {}), 2),
        (Refusal(401, {}), 2),
        (Refusal(403, {}), 1),
        (Refusal(404, {}), 1),
        (Refusal(409, {}), 1),
        (Refusal(422, {}), 2),
        (Refusal(429, {}), 3),
        (Refusal(500, {}), 3),
        (Refusal(503, {}), 3),
    ],
)
def test_each_failure_has_its_exit_code(error: DeedlogError, code: int) -> None:
    assert exit_code(error) == code


def test_who_may_not_is_told_whose_credential_was_shown(capsys: pytest.CaptureFixture[str]) -> None:
    complain(Refusal(403, {"detail": "authorization: it needs the scope admin."}), False)
    assert "with neither set the operator acts" in " ".join(capsys.readouterr().err.split())


def test_a_refusal_is_told_with_every_fault_and_its_mend(capsys: pytest.CaptureFixture[str]) -> None:
    faults = [{"pointer": "/3/verb", "rule": "it is missing", "mend": "Add it"}]
    complain(Refusal(400, {"detail": "One of 50 statements breaks a rule.", "errors": faults}), False)
    said = capsys.readouterr()
    assert said.out == ""
    assert "One of 50 statements breaks a rule." in said.err
    assert "/3/verb: it is missing. Add it" in said.err


def test_a_failure_is_told_to_programs_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    complain(Refusal(403, {"detail": "no consent", "code": "forbidden"}), True)
    told = json.loads(capsys.readouterr().err)["error"]
    assert told["exit_code"] == 1
    assert told["code"] == "forbidden"


def test_a_wrong_credential_is_told_with_where_to_get_one(capsys: pytest.CaptureFixture[str]) -> None:
    complain(Refusal(401, {"detail": "nobody issued it"}), False)
    assert "DEEDLOG_KEY" in capsys.readouterr().err


@given(st.text())
def test_no_text_of_others_speaks_to_the_terminal(text: str) -> None:
    assert all(one.isprintable() or one == "\n" for one in printable(text))


def test_a_table_cuts_no_identifier_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    identifier = "prs_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC"
    show(None, False, lambda: table(("id", "name"), [(identifier, "long " * 60)], "none"))
    assert identifier in capsys.readouterr().out


def test_a_list_without_items_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    show([], False, lambda: table(("id",), [], "no people yet"))
    assert capsys.readouterr().out.strip() == "no people yet"


def test_json_is_all_that_programs_get(capsys: pytest.CaptureFixture[str]) -> None:
    show({"name": "Ωmega"}, True, lambda: pytest.fail("nothing is drawn for programs"))
    out = capsys.readouterr().out
    assert json.loads(out) == {"name": "Ωmega"}
    assert "Ωmega" in out
