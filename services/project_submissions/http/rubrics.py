"""/v1/rubrics: what reviewers mark, and what each mark means. Open to everybody."""

from __future__ import annotations

from typing import Any

from services.project_submissions.domain.rubric import MARK_MAX, Rubric
from shared.kernel.errors import NotFound
from shared.runtime.call import Call
from shared.runtime.http import Endpoint, endpoint
from shared.runtime.pages import page
from shared.runtime.reply import Reply


def rubric_endpoints(rubric: Rubric) -> list[Endpoint]:
    """Return the operations on rubrics. A rubric's id is its name, a slash and its version."""
    resource = _Resource(rubric)
    return [
        endpoint("GET", "/v1/rubrics", resource.rubrics, scopes=None),
        endpoint("GET", "/v1/rubrics/{name}/{version}", resource.rubric, scopes=None),
    ]


class _Resource:
    def __init__(self, rubric: Rubric) -> None:
        self._rubric = rubric

    async def rubrics(self, call: Call) -> Reply:
        return Reply.json(page([_rubric(self._rubric)], None))

    async def rubric(self, call: Call) -> Reply:
        if f"{call.path['name']}/{call.path['version']}" != self._rubric.id:
            raise NotFound.of("/id", "there is no such rubric", "List them: GET /v1/rubrics")
        return Reply.json(_rubric(self._rubric))


def _rubric(rubric: Rubric) -> dict[str, Any]:
    criteria = [
        {
            "id": criterion.id,
            "layer": criterion.layer,
            "skill": criterion.skill,
            "title": criterion.title,
            "question": criterion.question,
            "anchors": criterion.anchors,
        }
        for criterion in rubric.criteria
    ]
    return {"id": rubric.id, "mark_max": MARK_MAX, "criteria": criteria}
