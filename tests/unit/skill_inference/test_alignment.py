from __future__ import annotations

import pytest

from services.skill_inference.domain.alignment import Alignment, AlignmentTable, Target, targets
from services.skill_inference.domain.alignment_csv import CHARACTERS_MAX, parse_alignments
from services.skill_inference.domain.observation import Assurance
from shared.kernel.errors import Rejected, TooLarge
from tests.unit.skill_inference.people import APIS, DRIFT, framework

HEADER = "activity_id,skill,difficulty,assurance,weight\n"
QUIZ = "https://lms.example/quiz/7"


def _parse(*lines: str, header: str = HEADER) -> tuple[tuple[Alignment, ...], list[tuple[int, str]]]:
    table = parse_alignments(header + "".join(f"{line}\n" for line in lines), framework().skills)
    return table.rows, _places(table)


def _places(table: AlignmentTable) -> list[tuple[int, str]]:
    return [(int(line), column) for line, column in (fault.pointer[1:].split("/") for fault in table.faults)]


def test_a_line_aligns_an_activity_to_a_skill() -> None:
    rows, faults = _parse(f"{QUIZ},{DRIFT},0.5,automated-check,2")
    assert rows == (Alignment(QUIZ, DRIFT, 0.5, Assurance.AUTOMATED_CHECK, 2.0),)
    assert not faults


def test_the_weight_may_be_left_out() -> None:
    rows, _ = _parse(f"{QUIZ},{DRIFT},0,self-claim", header="activity_id,skill,difficulty,assurance\n")
    assert rows[0].weight == 1.0


def test_columns_stand_in_any_order() -> None:
    rows, _ = _parse(f"self-claim,0,{QUIZ},{DRIFT}", header="assurance,difficulty,activity_id,skill\r\n")
    assert rows == (Alignment(QUIZ, DRIFT, 0.0, Assurance.SELF_CLAIM),)


@pytest.mark.parametrize(
    ("line", "column"),
    [
        (f"{QUIZ},operationalization.magic,0,automated-check,1", "skill"),
        (f"quiz 7,{DRIFT},0,automated-check,1", "activity_id"),
        (f",{DRIFT},0,automated-check,1", "activity_id"),
        (f"{QUIZ},{DRIFT},hard,automated-check,1", "difficulty"),
        (f"{QUIZ},{DRIFT},nan,automated-check,1", "difficulty"),
        (f"{QUIZ},{DRIFT},8.1,automated-check,1", "difficulty"),
        (f"{QUIZ},{DRIFT},1_0,automated-check,1", "difficulty"),
        (f"{QUIZ},{DRIFT},,automated-check,1", "difficulty"),
        (f"{QUIZ},{DRIFT},0,trust me,1", "assurance"),
        (f"{QUIZ},{DRIFT}", "difficulty"),
        (f"{QUIZ},{DRIFT},0,automated-check,0", "weight"),
        (f"{QUIZ},{DRIFT},0,automated-check,inf", "weight"),
        (f"{QUIZ},{DRIFT},0,automated-check,1,more", ""),
    ],
)
def test_a_faulty_line_is_answered_by_line_and_column_and_the_others_are_kept(line: str, column: str) -> None:
    good = f"https://lms.example/quiz/8,{APIS},0,automated-check,1"
    rows, faults = _parse(good, "", line)
    assert (len(rows), faults) == (1, [(4, column)])


@pytest.mark.parametrize(
    ("second", "column"),
    [
        (f"{QUIZ},{DRIFT},0,automated-check,1", "skill"),
        (f"{QUIZ},{APIS},1,automated-check,1", "difficulty"),
        (f"{QUIZ},{APIS},0,self-claim,1", "assurance"),
    ],
)
def test_the_lines_of_one_activity_agree(second: str, column: str) -> None:
    _, faults = _parse(f"{QUIZ},{DRIFT},0,automated-check,1", second)
    assert faults == [(3, column)]


def test_an_activity_shows_at_most_sixteen_skills() -> None:
    skills = [f"integration.{chr(97 + n)}" for n in range(17)]
    text = HEADER + "".join(f"{QUIZ},{skill},0,automated-check,1\n" for skill in skills)
    table = parse_alignments(text, skills)
    assert (len(table.rows), _places(table)) == (16, [(18, "skill")])


def test_the_lines_of_an_activity_make_one_target() -> None:
    rows, _ = _parse(f"{QUIZ},{DRIFT},0.5,automated-check,1", f"{QUIZ},{APIS},0.5,automated-check,3")
    assert targets(rows) == {QUIZ: Target(((APIS, 3.0), (DRIFT, 1.0)), 0.5, Assurance.AUTOMATED_CHECK)}


@pytest.mark.parametrize(
    "text",
    ["", "activity,skill\n", HEADER.replace("weight", "wieght"), HEADER.replace("weight", "skill"), f'{HEADER}"{QUIZ}'],
)
def test_a_text_without_the_header_or_with_an_open_quote_is_refused_whole(text: str) -> None:
    with pytest.raises(Rejected):
        parse_alignments(text, framework().skills)


def test_a_table_of_more_than_a_thousand_faulty_lines_is_refused_whole() -> None:
    with pytest.raises(Rejected) as refusal:
        parse_alignments(HEADER + "nothing\n" * 1001, framework().skills)
    assert len(refusal.value.faults) == 1001


def test_a_table_over_the_bound_is_refused_unread() -> None:
    with pytest.raises(TooLarge):
        parse_alignments("x" * (CHARACTERS_MAX + 1), framework().skills)


def test_the_rejection_of_a_table_names_every_fault_and_is_none_without_one() -> None:
    table = parse_alignments(f"{HEADER}{QUIZ},{DRIFT},x,self-claim,1\n", framework().skills)
    refusal = table.rejection()
    assert refusal is not None
    assert refusal.faults[0].pointer == "/2/difficulty"
    assert parse_alignments(HEADER, framework().skills).rejection() is None


def test_a_byte_order_mark_before_the_header_is_no_part_of_it() -> None:
    rows, _ = _parse(f"{QUIZ},{DRIFT},0,self-claim,1", header="\ufeff" + HEADER)
    assert len(rows) == 1
