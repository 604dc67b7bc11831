"""Any evidence a person may have: outcomes and reviews in any mixture, with ties, repeats, works and self-claims."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from services.skill_inference.domain.observation import Assurance, Mark, MarkSet, Observation, Outcome
from tests.unit.skill_inference.people import RUBRIC, START

SKILLS = RUBRIC[:4]
SIZE_MAX = 10
WORKS = ("prj-a", "prj-b", "prj-c")

# Few distinct hours, so that ties in time are common; and years, so that ageing matters.
_times = st.one_of(
    st.integers(0, 5).map(lambda hours: START + timedelta(hours=hours)),
    st.integers(0, 3_000_000_000).map(lambda thousands: START + timedelta(milliseconds=thousands * 100)),
)
_results = st.one_of(st.sampled_from((0.0, 1.0)), st.floats(0.0, 1.0))
_difficulties = st.one_of(st.none(), st.floats(-8.0, 8.0))


@st.composite
def _outcome(draw: st.DrawFn, number: int, source: str) -> Outcome:
    work = draw(st.one_of(st.none(), st.sampled_from(WORKS)))
    kinds = [kind for kind in Assurance if work is not None or kind is not Assurance.DEPLOYMENT]
    chosen = draw(st.lists(st.sampled_from(SKILLS), min_size=1, max_size=3, unique=True))
    return Outcome(
        occurred_at=draw(_times),
        source=source,
        sequence=number,
        fact=f"{source}-{number}",
        task=draw(st.sampled_from(("t1", "t2", "t3", "t4"))),
        skills=tuple((skill, draw(st.floats(0.01, 100.0))) for skill in chosen),
        result=draw(_results),
        assurance=draw(st.sampled_from(kinds)),
        difficulty=draw(_difficulties),
        work=work,
    )


@st.composite
def _mark_set(draw: st.DrawFn, number: int, source: str) -> MarkSet:
    marked = draw(st.lists(st.sampled_from(SKILLS), min_size=1, unique=True))
    return MarkSet(
        occurred_at=draw(_times),
        source=source,
        sequence=number,
        fact=f"{source}-{number}",
        work=draw(st.sampled_from(WORKS)),
        reviewer=draw(st.sampled_from(("anna", "ben", "chi"))),
        marks=tuple(Mark(f"criterion {skill}", skill, draw(st.integers(0, 5))) for skill in marked),
    )


@st.composite
def histories(draw: st.DrawFn, source: str = "s", size_max: int = SIZE_MAX) -> list[Observation]:
    """Draw the observations of one person, each fact once, in any order of time."""
    size = draw(st.integers(0, size_max))
    return [
        draw(_mark_set(number, source)) if draw(st.booleans()) else draw(_outcome(number, source))
        for number in range(1, size + 1)
    ]
