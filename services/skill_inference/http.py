"""The HTTP door: the framework and the releases for everybody, alignments for the organisation they belong to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from services.skill_inference.domain.framework import Framework, Level, Skill, framework_iri, level_iri, skill_iri
from services.skill_inference.handlers.adopting import Adopted, adopt, alignments_of, read_table
from services.skill_inference.store.alignments import OrganisationAlignments
from shared.kernel.clock import Clock, rfc3339
from shared.kernel.errors import Forbidden, NotFound, Rejected
from shared.kernel.hashing import digest_text
from shared.kernel.ids import has_prefix
from shared.runtime.auth import Kind
from shared.runtime.backbone import Backbone
from shared.runtime.etags import check_if_match, content_etag, is_unchanged, version_etag
from shared.runtime.http import Call, Endpoint, Reply, endpoint
from shared.runtime.pages import page
from shared.runtime.reply import JSON

CSV: Final = frozenset({"text/csv"})
TABLE_BYTES_MAX: Final = 8 << 20
"""8 MiB, some 80,000 lines."""
_KINDS: Final[frozenset[Kind]] = frozenset({"key", "admin"})
_FRESH: Final = ("Cache-Control", "public, max-age=300")


def endpoints(publications: Publications, alignments: Alignments) -> list[Endpoint]:
    """Return the service's operations."""
    writing, reading = frozenset({"write", "admin"}), frozenset({"read", "read/mine", "write", "admin"})
    return [
        endpoint("GET", "/v1/framework", publications.framework, scopes=None),
        endpoint("GET", "/v1/framework/skills/{id}", publications.skill, scopes=None),
        endpoint("GET", "/v1/framework/skills/{id}/levels/{number}", publications.level, scopes=None),
        endpoint("GET", "/v1/skills", publications.skills, scopes=None),
        endpoint("GET", "/v1/skills/{id}", publications.skill, scopes=None),
        endpoint("GET", "/v1/releases", publications.releases, scopes=None),
        endpoint("GET", "/v1/releases/{id}", publications.release, scopes=None),
        endpoint("PUT", "/v1/alignments", alignments.put, scopes=writing, kinds=_KINDS),
        endpoint("GET", "/v1/alignments", alignments.get, scopes=reading, kinds=_KINDS),
    ]


class Publications:
    """What this build publishes and never changes. releases: documents by the id that estimates name."""

    def __init__(self, framework: Framework, releases: Mapping[str, bytes], origin: str) -> None:
        self._framework = framework
        self._releases = releases
        self._origin = origin

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


class Alignments:
    """The alignments of an organisation. nudge: called once a table came into force."""

    def __init__(self, backbone: Backbone, clock: Clock, framework: Framework, nudge: Callable[[], None]) -> None:
        self._backbone = backbone
        self._clock = clock
        self._framework = framework
        self._nudge = nudge

    async def put(self, call: Call) -> Reply:
        """Take a whole table into force, all lines or none; with If-Match only in place of the version it names."""
        organisation = _organisation(call)
        call.media_type(CSV)
        # Read in a thread: 80,000 lines take a second, and others are served meanwhile.
        content = await call.body_bytes(TABLE_BYTES_MAX)
        table = await asyncio.to_thread(read_table, content, self._framework.skills)

        def check(current: Adopted | None) -> None:
            check_if_match(call.headers, None if current is None else version_etag(current.version))

        async with self._backbone.door(organisation) as tx:
            desk = OrganisationAlignments(tx.connection, organisation)
            now = self._clock.now()
            adopted, is_new = await adopt(desk, organisation, table, call.principal.id, now, check)
        self._nudge()
        return Reply.json(_adopted(adopted) | {"is_new": is_new}, headers={"ETag": version_etag(adopted.version)})

    async def get(self, call: Call) -> Reply:
        """Answer the table in force as it was sent."""
        organisation = _organisation(call)
        async with self._backbone.door(organisation) as tx:
            adopted = await alignments_of(OrganisationAlignments(tx.connection, organisation))
        etag = version_etag(adopted.version)
        if is_unchanged(call.headers, etag):
            return Reply.empty(304, {"ETag": etag})
        return Reply.raw(adopted.table.content, "text/csv; charset=utf-8", headers={"ETag": etag})


def _organisation(call: Call) -> str:
    """Return for whom the caller acts: a key for its own organisation, an operator for the one the query names."""
    principal, named = call.principal, call.query.get("organisation")
    if principal.kind == "admin":
        if named is None or not has_prefix(named, "org"):
            raise Rejected.of("organisation", "an operator names the organisation", "Add ?organisation=org_… to it.")
        return named
    if principal.is_test:
        raise Forbidden("a test key sees test data only, and alignments judge real data; use a live key")
    if principal.organisation is None or named not in (None, principal.organisation):
        raise Forbidden.of("organisation", "a key acts for its own organisation", "Leave the field out.")
    return principal.organisation


def _adopted(adopted: Adopted) -> dict[str, Any]:
    return {
        "organisation": adopted.organisation,
        "version": adopted.version,
        "digest": digest_text(adopted.table.digest),
        "lines": adopted.table.lines,
        "activities": adopted.table.activities,
        "adopted_at": rfc3339(adopted.adopted_at),
        "adopted_by": adopted.adopted_by,
    }


def _published(call: Call, reply: Reply) -> Reply:
    """Return the reply with its tag, or that it is what the caller has."""
    content = reply.content if isinstance(reply.content, bytes) else b""
    etag = content_etag(content)
    if is_unchanged(call.headers, etag):
        return Reply.empty(304, {"ETag": etag, "Cache-Control": _FRESH[1]})
    return reply.with_headers(("ETag", etag), _FRESH)
