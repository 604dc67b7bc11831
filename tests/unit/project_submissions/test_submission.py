"""What may become of a submission, and what follows from a bundle that could be read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, product

import pytest

from services.project_submissions.domain.project import TITLE_LENGTH_MAX, register
from services.project_submissions.domain.submission import AUTHOR_EMAILS_MAX, TRANSITIONS, State, accept, receive
from shared.kernel.errors import Conflict, Forbidden, Rejected
from shared.kernel.ids import EvidenceId, ProjectId, SubmissionId
from tests.unit.project_submissions.samples import ADA, BEN, NOW, ORGANISATION, project, repository, submission

FINAL = {State.REFUSED, State.REVIEWED, State.WITHDRAWN}


def evidence_ids() -> Iterator[EvidenceId]:
    return (EvidenceId(f"evd_{number}") for number in count(1))


def test_a_project_is_told_with_its_title_in_one_line() -> None:
    opened, told = register(ProjectId("prj_1"), ORGANISATION, ADA, "  Triage  ", NOW)
    assert (opened.title, told.title, told.project) == ("Triage", "Triage", "prj_1")


@pytest.mark.parametrize("title", ["", "   ", "x" * (TITLE_LENGTH_MAX + 1), "two\nlines", "bell\x07"])
def test_a_title_that_is_no_line_is_rejected(title: str) -> None:
    with pytest.raises(Rejected) as caught:
        register(ProjectId("prj_1"), ORGANISATION, ADA, title, NOW)
    assert caught.value.faults[0].pointer == "/title"


def test_nobody_submits_to_the_project_of_another_person() -> None:
    with pytest.raises(Forbidden):
        receive(SubmissionId("sub_1"), project(), BEN, ["ben@example.org"], NOW)


def test_addresses_are_kept_in_lower_case_and_once() -> None:
    received = receive(SubmissionId("sub_1"), project(), ADA, ["Ada@Example.org ", "ada@example.org"], NOW)
    assert received.author_emails == {"ada@example.org"}


def test_a_name_with_spaces_is_taken_for_commits_without_an_address() -> None:
    received = receive(SubmissionId("sub_1"), project(), ADA, ["Ada Lovelace"], NOW)
    assert received.author_emails == {"ada lovelace"}


@pytest.mark.parametrize("emails", [[], [f"a{n}@b.c" for n in range(AUTHOR_EMAILS_MAX + 1)], ["<a@b>"]])
def test_unusable_addresses_are_rejected(emails: list[str]) -> None:
    with pytest.raises(Rejected) as caught:
        receive(SubmissionId("sub_1"), project(), ADA, emails, NOW)
    assert caught.value.faults[0].pointer == "author"


@pytest.mark.parametrize(("before", "after"), list(product(State, State)))
def test_a_state_is_followed_by_those_states_alone_that_are_written_down(before: State, after: State) -> None:
    standing = submission()
    object.__setattr__(standing, "state", before)
    if after in TRANSITIONS[before]:
        assert standing.moved(after).state is after
    else:
        with pytest.raises(Conflict):
            standing.moved(after)


def test_every_state_is_reached_and_three_are_final() -> None:
    reached = set().union(*TRANSITIONS.values()) | {State.RECEIVED}
    assert reached == set(State) == set(TRANSITIONS)
    assert {state for state, following in TRANSITIONS.items() if not following} == FINAL


def test_a_readable_bundle_is_accepted_and_told_with_the_share_of_its_author() -> None:
    ids = evidence_ids()
    acceptance = accept(submission(), repository("Dockerfile"), NOW, lambda: next(ids))
    assert acceptance.submission.state is State.ACCEPTED
    assert acceptance.accepted.authorship_share == 0.75
    assert acceptance.accepted.commits == 3
    assert acceptance.accepted.head_commit == "c"
    assert acceptance.accepted.bundle_digest == "sha256:" + bytes(range(32)).hex()


def test_each_piece_of_evidence_is_told_under_its_own_id() -> None:
    ids = evidence_ids()
    acceptance = accept(submission(), repository("Dockerfile", "README.md"), NOW, lambda: next(ids))
    told = [(graded.evidence, graded.kind, graded.grade) for graded in acceptance.graded]
    assert told == [
        ("evd_1", "history", "B"),
        ("evd_2", "history", "C"),
        ("evd_3", "authorship", "C"),
        ("evd_4", "container", "B"),
        ("evd_5", "docs", "B"),
    ]
    assert [name for name, _ in acceptance.evidence] == [graded.evidence for graded in acceptance.graded]


def test_what_is_told_of_a_submission_names_nobody() -> None:
    ids = evidence_ids()
    acceptance = accept(submission(), repository("README.md"), NOW, lambda: next(ids))
    told = b"".join(event.encode() for event in (acceptance.accepted, *acceptance.graded))
    for personal in (b"Ada", b"Ben", b"@", b"example"):
        assert personal not in told


def test_a_submission_is_accepted_once() -> None:
    accepted = accept(submission(), repository(), NOW, lambda: EvidenceId("evd_1")).submission
    with pytest.raises(Conflict):
        accept(accepted, repository(), NOW, lambda: EvidenceId("evd_1"))
