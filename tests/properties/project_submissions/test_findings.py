"""Shares sum to one and figures stay within their bounds, whatever a history claims."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from services.project_submissions.domain.authorship import commits_by_identity, share_of, shares
from services.project_submissions.domain.findings import gather
from services.project_submissions.domain.history import analyse
from services.project_submissions.domain.repository import Commit, Identity, Repository, TreeFile

ZONES = st.integers(-1_439, 1_439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=ZONES)  # noqa: DTZ001
IDENTITIES = st.builds(Identity, st.text(max_size=4), st.sampled_from(["", "a@b.c", "A@b.C ", "d@e.f"]))
COUNTS = st.dictionaries(st.text(max_size=4), st.integers(0, 10**9), max_size=8)


@st.composite
def histories(draw: st.DrawFn) -> list[Commit]:
    count = draw(st.integers(1, 12))
    commits = []
    for number in range(count):
        parents = draw(st.lists(st.integers(0, number - 1), unique=True, max_size=2)) if number else []
        commits.append(
            Commit(
                str(number),
                tuple(map(str, parents)),
                draw(IDENTITIES),
                draw(TIMES),
                draw(IDENTITIES),
                draw(TIMES),
                draw(st.booleans()),
                *draw(st.tuples(*[st.integers(0, 10**6)] * 3)),
            )
        )
    return commits[::-1]


@given(COUNTS)
def test_shares_sum_to_one_and_lie_between_nought_and_one(counts: dict[str, int]) -> None:
    parts = shares(counts)
    assert all(0 <= part <= 1 for part in parts.values())
    assert math.isclose(sum(parts.values()), 1.0 if sum(counts.values()) else 0.0)


@given(COUNTS)
def test_the_share_of_all_together_is_one(counts: dict[str, int]) -> None:
    by_key = {Identity("", key).key: 0 for key in counts}
    for key, count in counts.items():
        by_key[Identity("", key).key] += count
    assert share_of(counts, by_key) == (1.0 if sum(counts.values()) else 0.0)


@given(histories())
def test_every_commit_is_ascribed_once(commits: list[Commit]) -> None:
    assert sum(commits_by_identity(commits).values()) == len(commits)


@given(histories())
def test_figures_of_a_history_stay_within_their_bounds(commits: list[Commit]) -> None:
    history = analyse(commits)
    assert 0 <= history.clock_order_violations <= history.parent_edges
    assert 1 <= history.active_days <= history.commit_count == len(commits)
    assert 1 / history.active_days <= history.busiest_day_share + 1e-12 <= 1 + 1e-12
    assert history.span_days >= 0


@given(histories())
def test_time_that_runs_forward_everywhere_is_never_called_backward(commits: list[Commit]) -> None:
    forward = [
        Commit(
            one.sha, one.parents, one.author, one.authored_at, one.committer,
            datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=int(one.sha)), False, 0, 0, 0,
        )
        for one in commits
    ]  # fmt: skip
    assert analyse(forward).clock_order_violations == 0


@given(histories(), st.lists(st.text("abc/.mdTestDockerfile_", max_size=30)), COUNTS)
def test_evidence_is_found_in_anything_and_its_digest_can_be_made(
    commits: list[Commit], paths: list[str], lines: dict[str, int]
) -> None:
    files = tuple(TreeFile(path, len(path)) for path in paths)
    where = Repository(bytes(32), 1, "h", tuple(commits), files, lines, 1, 1)
    for evidence in gather(where, ["a@b.c"], datetime(2026, 1, 1, tzinfo=UTC)):
        assert evidence.grade in {"B", "C"}
        assert evidence.digest(where.bundle_digest).startswith("sha256:")
