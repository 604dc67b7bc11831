"""/v1/projects/{id}/submissions and /v1/submissions: versions of a project, received as git bundles.

A bundle goes to disk as it arrives, so what an Idempotency-Key stands for is its digest, not its bytes in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from services.project_submissions.clients.bundle_folder import BundleFolder
from services.project_submissions.domain.evidence import Evidence
from services.project_submissions.handlers.filed import Bundle, Filed, Refusal
from services.project_submissions.handlers.submissions import SubmissionDesk
from services.project_submissions.http.callers import (
    ANY,
    CALLERS,
    READ,
    WRITE,
    actor_of,
    before_id,
    id_in_path,
    page_of,
)
from shared.kernel.clock import rfc3339
from shared.kernel.ids import EvidenceId, ProjectId, SubmissionId
from shared.runtime.call import Call
from shared.runtime.http import Endpoint, endpoint
from shared.runtime.idempotency import IdempotencyStore, idempotent
from shared.runtime.pages import page_limit
from shared.runtime.reply import Reply
from shared.runtime.request_body import RequestBody

BUNDLE_TYPES: Final = frozenset({"application/x-git-bundle", "application/octet-stream"})
_LIST: Final = "submissions"


def submission_endpoints(
    desk: SubmissionDesk, folder: BundleFolder, bundle_bytes_max: int, idempotency: IdempotencyStore
) -> list[Endpoint]:
    """Return the operations on submissions."""
    resource = _Resource(desk, folder, bundle_bytes_max, idempotency)
    path = "/v1/projects/{id}/submissions"
    return [
        endpoint("POST", path, resource.submit, scopes=ANY, kinds=CALLERS),
        endpoint("GET", path, resource.submissions, scopes=ANY, kinds=CALLERS),
        endpoint("GET", "/v1/submissions/{id}", resource.submission, scopes=ANY, kinds=CALLERS),
    ]


class _Resource:
    def __init__(
        self, desk: SubmissionDesk, folder: BundleFolder, bundle_bytes_max: int, idempotency: IdempotencyStore
    ) -> None:
        self._desk = desk
        self._folder = folder
        self._bundle_bytes_max = bundle_bytes_max
        self._file_once = idempotent(self._file, idempotency)

    async def submit(self, call: Call) -> Reply:
        """Take in a bundle and file it; 202, since it is checked afterwards, or 200 for one that was filed before."""
        actor, project = actor_of(call, WRITE), ProjectId(id_in_path(call, "prj"))
        call.media_type(BUNDLE_TYPES)
        await self._desk.admit(actor, project, _names(call))
        bundle = await self._folder.take_in(call.body_chunks(self._bundle_bytes_max))
        return await self._file_once(replace(call, body=_stand_in(bundle)))

    async def _file(self, call: Call) -> Reply:
        digest, _, size = (await call.body_bytes()).decode().partition(" ")
        actor, project = actor_of(call, WRITE), ProjectId(id_in_path(call, "prj"))
        filed, is_new = await self._desk.submit(actor, project, _names(call), Bundle(digest, int(size)))
        location = {"Location": f"/v1/submissions/{filed.submission.id}"}
        return Reply.json(_filed(filed), 202 if is_new else 200, location)

    async def submissions(self, call: Call) -> Reply:
        limit = page_limit(call.query)
        actor, project = actor_of(call, READ), ProjectId(id_in_path(call, "prj"))
        found = await self._desk.page(actor, project, before_id(_LIST, call), limit + 1)
        return page_of(_LIST, [_filed(one) for one in found], limit)

    async def submission(self, call: Call) -> Reply:
        submission = SubmissionId(id_in_path(call, "sub"))
        filed, evidence = await self._desk.submission(actor_of(call, READ), submission)
        return Reply.json(_filed(filed) | {"evidence": _evidence(evidence)})


def _names(call: Call) -> list[str]:
    return [value for name, value in call.query_pairs if name == "author"]


def _stand_in(bundle: Bundle) -> RequestBody:
    """Return a body that says which bundle was taken in."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": f"{bundle.digest} {bundle.size}".encode(), "more_body": False}

    return RequestBody({}, receive)


def _filed(filed: Filed) -> dict[str, Any]:
    submission = filed.submission
    return {
        "id": submission.id,
        "project": submission.project,
        "author": submission.author,
        "state": submission.state.value,
        "submitted_at": rfc3339(submission.submitted_at),
        "bundle": {"digest": filed.bundle.digest, "bytes": filed.bundle.size},
        "head_commit": filed.head_commit,
        "commits": filed.commits,
        "authorship_share": filed.authorship_share,
        "reviewers": len(filed.reviewers),
        "refusal": None if filed.refusal is None else _refusal(filed.refusal),
    }


def _refusal(refusal: Refusal) -> dict[str, Any]:
    errors = [{"pointer": fault.pointer, "rule": fault.rule, "mend": fault.mend} for fault in refusal.faults]
    return {"message": refusal.message, "errors": errors}


def _evidence(evidence: Sequence[tuple[EvidenceId, Evidence]]) -> list[dict[str, Any]]:
    return [
        {
            "id": name,
            "kind": item.kind.value,
            "grade": item.grade,
            "summary": item.summary,
            "findings": dict(item.findings),
        }
        for name, item in evidence
    ]
