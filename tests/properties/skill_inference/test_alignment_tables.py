"""A table means the same in every form it is written in, and two tables differ by exactly what is told of them."""

from __future__ import annotations

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from services.skill_inference.domain.alignment import ASSURANCES, Alignment, Target, targets
from services.skill_inference.domain.alignment_changes import changes
from services.skill_inference.domain.alignment_csv import DECIMALS, alignments_csv, parse_alignments
from services.skill_inference.domain.alignment_json import alignments_document, parse_alignments_json
from services.skill_inference.domain.observation import Assurance
from services.skill_inference.domain.suggestions import Vocabulary
from shared.kernel import canonical_json
from tests.unit.skill_inference.people import framework

SKILLS = tuple(framework().skills)
_text = st.text(
    st.one_of(
        st.sampled_from(string.ascii_letters + ",;\"'\n\r\t %é"), st.characters(codec="utf-8", exclude_characters="\0")
    ),
    min_size=1,
    max_size=12,
)
_activities = _text.map(lambda text: f"x:{text}".strip()).filter(lambda text: len(text) > 2)
_numbers = st.floats(-8, 8).map(lambda number: round(number, DECIMALS) + 0.0)
_weights = st.floats(0.01, 100).map(lambda number: round(number, DECIMALS))
_kinds = st.tuples(_numbers, st.sampled_from(ASSURANCES))


@st.composite
def tables(draw: st.DrawFn) -> tuple[Alignment, ...]:
    rows: list[Alignment] = []
    for activity in draw(st.lists(_activities, unique=True, max_size=5)):
        difficulty, assurance = draw(_kinds)
        skills = draw(st.lists(st.sampled_from(SKILLS), unique=True, min_size=1, max_size=4))
        rows += [Alignment(activity, skill, difficulty, assurance, draw(_weights)) for skill in skills]
    return tuple(draw(st.permutations(rows)))


@given(tables())
def test_rows_written_as_csv_are_read_as_the_same_rows(rows: tuple[Alignment, ...]) -> None:
    read = parse_alignments(alignments_csv(rows), SKILLS)
    assert (read.rows, read.faults) == (rows, ())


@given(tables())
def test_rows_written_as_json_are_read_as_the_same_rows(rows: tuple[Alignment, ...]) -> None:
    document = canonical_json.loads(canonical_json.dumps(alignments_document(rows)))
    read = parse_alignments_json(document, SKILLS)
    assert (read.rows, read.faults) == (rows, ())


@given(st.floats(-8, 8))
def test_any_difficulty_survives_being_kept_to_nine_decimals(difficulty: float) -> None:
    row = Alignment("x:1", SKILLS[0], difficulty, Assurance.SELF_CLAIM)
    (read,) = parse_alignments(alignments_csv([row]), SKILLS).rows
    assert abs(read.difficulty - difficulty) <= 10.0**-DECIMALS


@given(tables(), tables())
def test_what_differs_leads_from_one_table_to_the_other(
    before: tuple[Alignment, ...], after: tuple[Alignment, ...]
) -> None:
    old, new = targets(before), targets(after)
    led: dict[str, Target] = dict(old)
    for change in changes(old, new):
        assert change.before == old.get(change.activity)
        assert change.before != change.after
        if change.after is None:
            assert change.kind == "removed"
            del led[change.activity]
        else:
            assert change.kind == ("changed" if change.activity in old else "added")
            led[change.activity] = change.after
    assert led == new


@settings(max_examples=50)
@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_is_suggested_skills_in_bounds_and_always_the_same(activity: str, name: str) -> None:
    vocabulary = Vocabulary(framework(), {})
    found = vocabulary.suggest(activity, name)
    assert found == Vocabulary(framework(), {}).suggest(activity, name)
    assert all(one.skill in SKILLS and 0.0 < one.score < 1.0 and one.words for one in found)
