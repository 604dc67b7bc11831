"""What this build publishes for everybody and never changes: the framework, and the releases people are judged by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from services.skill_inference.domain.framework import Framework, Level, Skill, framework_iri, level_iri, skill_iri
from shared.kernel.errors import NotFound
from shared.runtime.etags import content_etag, is_unchanged
from shared.runtime.http import Call, Endpoint, Reply, endpoint
from shared.runtime.pages import page
from shared.runtime.reply import JSON

_FRESH: Final = ("Cache-Control", "public, max-age=300")


class Publications:
    """What this build publishes and never changes. releases: documents by the id that estimates name."""

    def __init__(self, framework: Framework, releases: Mapping[str, bytes], origin: str) -> None:
        self._framework = framework
        self._releases = releases
        self._origin = origin

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        return [
            endpoint("GET", "/v1/framework", self.framework, scopes=None),
            endpoint("GET", "/v1/framework/skills/{id}", self.skill, scopes=None),
            endpoint("GET", "/v1/framework/skills/{id}/levels/{number}", self.level, scopes=None),
            endpoint("GET", "/v1/skills", self.skills, scopes=None),
            endpoint("GET", "/v1/skills/{id}", self.skill, scopes=None),
            endpoint("GET", "/v1/releases", self.releases, scopes=None),
            endpoint("GET", "/v1/releases/{id}", self.release, scopes=None),
        ]

    async def framework(self, call: Call) -> Reply:
        """Answer the whole framework."""
        framework = self._framework
        document = {
            "id": framework_iri(self._origin),
            "version": framework.version,
            "schemes": [
                {"id": one.id, "version": one.version, "acknowledgement": one.acknowledgement}
                for one in framework.schemes
            ],
            "layers": [{"id": one.id, "name": one.name, "description": one.description} for one in framework.layers],
            "levels": [{"number": one.number, "name": one.name, "anchor": one.anchor} for one in framework.levels],
            "skills": [self._skill(skill) for skill in framework.skills.values()],
        }
        return _published(call, Reply.json(document))

    async def skills(self, call: Call) -> Reply:
        """Answer every skill; they are few, so one page holds them."""
        return _published(call, Reply.json(page([self._skill(one) for one in self._framework.skills.values()], None)))

    async def skill(self, call: Call) -> Reply:
        """Answer one skill."""
        return _published(call, Reply.json(self._skill(self._named(call))))

    async def level(self, call: Call) -> Reply:
        """Answer one level of one skill."""
        skill, number = self._named(call), call.path["number"]
        levels = {str(level.number): level for level in self._framework.levels}
        if number not in levels:
            raise NotFound(f"levels are numbered 1 to {len(levels)}")
        return _published(call, Reply.json(self._level(skill, levels[number]) | {"skill": self._skill(skill)}))

    async def releases(self, call: Call) -> Reply:
        """Answer the ids of the releases this build carries."""
        return _published(call, Reply.json(page([{"id": one} for one in self._releases], None)))

    async def release(self, call: Call) -> Reply:
        """Answer a release's document, byte by byte what its id was derived from."""
        document = self._releases.get(call.path["id"])
        if document is None:
            raise NotFound(f"this build carries no such release; it has {', '.join(self._releases)}")
        return _published(call, Reply.raw(document, JSON))

    def _named(self, call: Call) -> Skill:
        skill = self._framework.skills.get(call.path["id"])
        if skill is None:
            raise NotFound("the framework has no such skill; GET /v1/skills lists them")
        return skill

    def _skill(self, skill: Skill) -> dict[str, Any]:
        return {
            "id": skill.id,
            "iri": skill_iri(self._origin, skill.id),
            "layer": skill.layer,
            "name": skill.name,
            "description": skill.description,
            "levels": [self._level(skill, level) for level in self._framework.levels],
            "alignments": [
                {"scheme": one.scheme, "identifier": one.identifier, "label": one.label, "relation": one.relation}
                for one in skill.alignments
            ],
        }

    def _level(self, skill: Skill, level: Level) -> dict[str, Any]:
        iri = level_iri(self._origin, skill.id, level.number)
        return {"iri": iri, "number": level.number, "name": level.name, "anchor": level.anchor}


def _published(call: Call, reply: Reply) -> Reply:
    """Return the reply with its tag, or that it is what the caller has."""
    content = reply.content if isinstance(reply.content, bytes) else b""
    etag = content_etag(content)
    if is_unchanged(call.headers, etag):
        return Reply.empty(304, {"ETag": etag, "Cache-Control": _FRESH[1]})
    return reply.with_headers(("ETag", etag), _FRESH)
