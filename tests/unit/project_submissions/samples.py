"""Projects, histories and panels that the tests of this folder vary."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.project_submissions.domain.deployment_rubric import DEPLOYMENT
from services.project_submissions.domain.project import Project, register
from services.project_submissions.domain.repository import Commit, Identity, Repository, TreeFile
from services.project_submissions.domain.review import Panel, assign
from services.project_submissions.domain.submission import State, Submission, receive
from shared.kernel.ids import OrganisationId, PersonId, ProjectId, ReviewId, SubmissionId

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ORGANISATION = OrganisationId("org_1")
ADA, BEN, CLEO, DAN = (PersonId(f"prs_{name}") for name in ("ada", "ben", "cleo", "dan"))
ADA_IDENTITY = Identity("Ada", "Ada@Example.org")
BEN_IDENTITY = Identity("Ben", "ben@example.org")
FIVES = dict.fromkeys((criterion.id for criterion in DEPLOYMENT.criteria), 5)


def project() -> Project:
    return register(ProjectId("prj_1"), ORGANISATION, ADA, "Triage of support mail", NOW)[0]


def submission() -> Submission:
    return receive(SubmissionId("sub_1"), project(), ADA, ["ada@example.org"], NOW)


def panel(*reviewers: PersonId) -> Panel:
    accepted = Panel(submission().moved(State.ACCEPTED))
    for reviewer in reviewers:
        accepted = assign(accepted, reviewer)
    return accepted


def review_id(number: int) -> ReviewId:
    return ReviewId(f"rev_{number}")


def commit(
    sha: str, *parents: str, days: float = 0.0, author: Identity = ADA_IDENTITY, committed_days: float | None = None
) -> Commit:
    authored_at = NOW + timedelta(days=days)
    committed_at = NOW + timedelta(days=days if committed_days is None else committed_days)
    return Commit(sha, parents, author, authored_at, author, committed_at, False, 1, 10, 2)


def repository(*paths: str) -> Repository:
    return Repository(
        bundle_digest=bytes(range(32)),
        bundle_size=1_000,
        head="c",
        commits=(commit("c", "b", days=9), commit("b", "a", days=1, author=BEN_IDENTITY), commit("a")),
        files=tuple(TreeFile(path, 100, 10) for path in paths),
        lines_by_identity={"ada@example.org": 75, "ben@example.org": 25},
        blamed_files=1,
        blameable_files=2,
    )
