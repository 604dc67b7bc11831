"""The HTTP door of project_submissions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from services.project_submissions.clients.bundle_folder import BundleFolder
from services.project_submissions.domain.evidence import Evidence
from services.project_submissions.domain.project import Project
from services.project_submissions.domain.review import REVIEWERS, Review
from services.project_submissions.domain.rubric import Rubric
from services.project_submissions.handlers import Actor, Filed, Submissions
from shared.kernel.clock import rfc3339
from shared.kernel.errors import NotFound
from shared.kernel.ids import EvidenceId, PersonId, ProjectId, SubmissionId
from shared.runtime.auth import Kind
from shared.runtime.http import Call, Endpoint, Handler, Reply, endpoint
from shared.runtime.pages import page, page_limit

BUNDLE_TYPES: Final = frozenset({"application/x-git-bundle", "application/octet-stream"})
_WRITERS: Final = frozenset({"write", "admin"})
_REVIEWING: Final = frozenset({"review", "admin"})
_PEOPLE: Final[frozenset[Kind]] = frozenset({"person"})
_PLATFORMS: Final[frozenset[Kind]] = frozenset({"key", "admin"})


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class NewProject(_Strict):
    """The body of POST /v1/projects."""

    title: str
    person: str | None = None
    organisation: str = Field("", max_length=64)


class NewPanel(_Strict):
    """The body of POST /v1/submissions/{id}/reviewers."""

    reviewers: list[str] = Field(min_length=REVIEWERS, max_length=REVIEWERS)


class NewMark(_Strict):
    """One mark of a review."""

    criterion: str
    value: int


class NewReview(_Strict):
    """The body of POST /v1/submissions/{id}/reviews."""

    marks: list[NewMark] = Field(max_length=100)
    note: str = ""


def actor_of(call: Call) -> Actor:
    """Return who acts: a key's organisation, a signed-in person, or an operator."""
    return Actor(call.principal.organisation, call.principal.person)


class Door:
    """Translates between HTTP and the use cases."""

    def __init__(self, submissions: Submissions, folder: BundleFolder, rubric: Rubric, bundle_bytes_max: int) -> None:
        self._submissions = submissions
        self._folder = folder
        self._rubric = rubric
        self._bundle_bytes_max = bundle_bytes_max

    def endpoints(self, once: Callable[[Handler], Handler]) -> list[Endpoint]:
        """Return the operations. `once` makes a repeated POST with the same Idempotency-Key be done once."""
        any_caller: frozenset[str] = frozenset()
        return [
            endpoint("POST", "/v1/projects", once(self.open_project), scopes=any_caller),
            endpoint("GET", "/v1/projects", self.list_projects, scopes=any_caller, kinds=_PEOPLE),
            endpoint("GET", "/v1/projects/{id}", self.show_project, scopes=any_caller),
            endpoint("POST", "/v1/projects/{id}/submissions", self.submit, scopes=any_caller),
            endpoint("GET", "/v1/submissions/{id}", self.show_submission, scopes=any_caller),
            endpoint("POST", "/v1/submissions/{id}/reviewers", once(self.assign), scopes=_REVIEWING, kinds=_PLATFORMS),
            endpoint("POST", "/v1/submissions/{id}/reviews", once(self.review), scopes=any_caller, kinds=_PEOPLE),
            endpoint("GET", "/v1/submissions/{id}/reviews", self.list_reviews, scopes=any_caller),
            endpoint("GET", "/v1/rubrics", self.list_rubrics, scopes=None),
            endpoint("GET", "/v1/rubrics/{name}/{version}", self.show_rubric, scopes=None),
        ]

    async def open_project(self, call: Call) -> Reply:
        """Open a project; a key needs the scope write and names the person."""
        _needs(call, _WRITERS)
        body = await call.model(NewProject)
        owner = PersonId(body.person) if body.person else None
        project = await self._submissions.open_project(actor_of(call), body.title, owner, body.organisation)
        return Reply.json(_project(project), 201, {"Location": f"/v1/projects/{project.id}"})

    async def list_projects(self, call: Call) -> Reply:
        """List the signed-in person's projects, newest first."""
        actor = actor_of(call)
        projects = await self._submissions.projects_of(actor, actor.person or PersonId(""), page_limit(call.query))
        return Reply.json(page([_project(project) for project in projects], None))

    async def show_project(self, call: Call) -> Reply:
        """Show one project."""
        return Reply.json(_project(await self._submissions.project(actor_of(call), ProjectId(call.path["id"]))))

    async def submit(self, call: Call) -> Reply:
        """Take in a git bundle; 202, because it is checked afterwards."""
        _needs(call, _WRITERS)
        call.media_type(BUNDLE_TYPES)
        project, actor = ProjectId(call.path["id"]), actor_of(call)
        await self._submissions.project(actor, project)
        emails = [value for name, value in call.query_pairs if name == "author"]
        bundle = await self._folder.take_in(call.body_chunks(self._bundle_bytes_max))
        filed = await self._submissions.submit(actor, project, emails, bundle)
        return Reply.json(_filed(filed, []), 202, {"Location": f"/v1/submissions/{filed.submission.id}"})

    async def show_submission(self, call: Call) -> Reply:
        """Show a submission with its evidence, or why it was refused."""
        return Reply.json(_filed(*await self._submissions.submission(actor_of(call), SubmissionId(call.path["id"]))))

    async def assign(self, call: Call) -> Reply:
        """Name the two reviewers."""
        body = await call.model(NewPanel)
        reviewers = [PersonId(reviewer) for reviewer in body.reviewers]
        filed = await self._submissions.assign(actor_of(call), SubmissionId(call.path["id"]), reviewers)
        return Reply.json({"submission": filed.submission.id, "reviewers": list(filed.reviewers)})

    async def review(self, call: Call) -> Reply:
        """Take the signed-in reviewer's marks."""
        body = await call.model(NewReview)
        marks = {mark.criterion: mark.value for mark in body.marks}
        submission = SubmissionId(call.path["id"])
        taken, review = await self._submissions.review(actor_of(call), submission, marks, body.note)
        return Reply.json(_review(review) | {"is_complete": taken.panel.is_complete}, 201)

    async def list_reviews(self, call: Call) -> Reply:
        """List the reviews the caller may see by now."""
        reviews = await self._submissions.reviews(actor_of(call), SubmissionId(call.path["id"]))
        return Reply.json(page([_review(review) for review in reviews], None))

    async def list_rubrics(self, call: Call) -> Reply:
        """List the rubrics."""
        return Reply.json(page([_rubric(self._rubric)], None))

    async def show_rubric(self, call: Call) -> Reply:
        """Show one rubric."""
        if f"{call.path['name']}/{call.path['version']}" != self._rubric.id:
            raise NotFound.of("/id", "there is no such rubric", "List them at /v1/rubrics.")
        return Reply.json(_rubric(self._rubric))


def _needs(call: Call, scopes: frozenset[str]) -> None:
    """Raise Forbidden for a key without one of the scopes; people act for themselves."""
    if call.principal.kind == "key":
        from shared.runtime.auth import Access  # noqa: PLC0415

        Access(scopes=scopes).check(call.principal)


def _project(project: Project) -> dict[str, Any]:
    return {
        "id": project.id,
        "title": project.title,
        "owner": project.owner,
        "organisation": project.organisation or None,
        "opened_at": rfc3339(project.opened_at),
    }


def _filed(filed: Filed, evidence: list[tuple[EvidenceId, Evidence]]) -> dict[str, Any]:
    submission, refusal = filed.submission, filed.refusal
    return {
        "id": submission.id,
        "project": submission.project,
        "author": submission.author,
        "state": submission.state.value,
        "submitted_at": rfc3339(submission.submitted_at),
        "bundle": {"digest": filed.bundle.digest, "bytes": filed.bundle.size},
        "head_commit": filed.head_commit,
        "commits": filed.commits,
        "authorship_share": filed.authorship,
        "reviewers": len(filed.reviewers),
        "evidence": [
            {
                "id": name,
                "kind": item.kind.value,
                "grade": item.grade,
                "summary": item.summary,
                "findings": dict(item.findings),
            }
            for name, item in evidence
        ],
        "refusal": None
        if refusal is None
        else {
            "message": refusal.message,
            "errors": [{"pointer": f.pointer, "rule": f.rule, "mend": f.mend} for f in refusal.faults],
        },
    }


def _review(review: Review) -> dict[str, Any]:
    return {
        "id": review.id,
        "reviewer": review.reviewer,
        "rubric": review.rubric,
        "marks": [{"criterion": name, "value": value} for name, value in review.marks.items()],
        "note": review.note,
        "submitted_at": rfc3339(review.submitted_at),
    }


def _rubric(rubric: Rubric) -> dict[str, Any]:
    return {
        "id": rubric.id,
        "criteria": [
            {
                "id": criterion.id,
                "layer": criterion.layer,
                "skill": criterion.skill,
                "title": criterion.title,
                "question": criterion.question,
                "anchors": list(criterion.anchors),
            }
            for criterion in rubric.criteria
        ],
    }
