"""The frameworks of an organisation over HTTP: whole documents in versions, tried before they come into force."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from services.skill_inference.domain.organisation_framework import (
    RIGHTS,
    OrganisationFramework,
    TheirSkill,
    check_slug,
)
from services.skill_inference.domain.organisation_framework_json import framework_json
from services.skill_inference.domain.their_names import their_iri
from services.skill_inference.handlers.importing import (
    FRAMEWORK_BYTES_MAX,
    AdoptedFramework,
    Customs,
    FrameworkDryRun,
    Read,
    SentFramework,
    adopt_framework,
    dry_run_framework,
    framework_of,
    level_image,
    read_framework,
)
from services.skill_inference.http.answers import CHANGES_SHOWN_MAX, fault_answer
from services.skill_inference.http.callers import KINDS, READING, WRITING, organisation_of, version_of
from services.skill_inference.store.alignments import AlignmentBook, OrganisationAlignments, OrganisationVersions
from services.skill_inference.store.frameworks import OrganisationFrameworks
from shared.kernel.clock import Clock, rfc3339
from shared.kernel.errors import NotFound, Rejected, TooLarge
from shared.kernel.hashing import digest_text
from shared.runtime.backbone import Backbone
from shared.runtime.etags import check_if_match, is_unchanged, version_etag
from shared.runtime.http import Call, Endpoint, Reply, endpoint
from shared.runtime.media_type import JSON_TYPES
from shared.runtime.pages import page

_READING_FIELDS: Final = ("rights", "levels", "related", "meaning")
_SAID: Final = {"related": "close", "meaning": "kept"}


class Frameworks:
    """The frameworks of an organisation. nudge: called once one came into force."""

    def __init__(
        self, backbone: Backbone, clock: Clock, customs: Customs, book: AlignmentBook, nudge: Callable[[], None]
    ) -> None:
        self._backbone = backbone
        self._clock = clock
        self._customs = customs
        self._book = book
        self._nudge = nudge

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        path = "/v1/frameworks"
        return [
            endpoint("GET", path, self.all, scopes=READING, kinds=KINDS),
            endpoint("POST", f"{path}/{{slug}}:validate", self.validate, scopes=WRITING, kinds=KINDS),
            endpoint("GET", f"{path}/{{slug}}/versions", self.versions, scopes=READING, kinds=KINDS),
            endpoint("GET", f"{path}/{{slug}}/versions/{{version}}", self.version, scopes=READING, kinds=KINDS),
            endpoint("GET", f"{path}/{{whose}}/{{slug}}/skills/{{id:path}}", self.skill, scopes=READING, kinds=KINDS),
            endpoint("PUT", f"{path}/{{slug}}", self.put, scopes=WRITING, kinds=KINDS),
            endpoint("GET", f"{path}/{{slug}}", self.get, scopes=READING, kinds=KINDS),
        ]

    async def put(self, call: Call) -> Reply:
        """Take a whole framework into force, all or nothing; with If-Match only in place of the version it names."""
        organisation, slug = organisation_of(call, *_READING_FIELDS), _slug(call)
        read = await self._read(await _sent(call))

        def check(current: AdoptedFramework | None) -> None:
            check_if_match(call.headers, None if current is None else version_etag(current.version))

        async with self._backbone.door(organisation) as tx:
            adopted, is_new = await adopt_framework(
                OrganisationFrameworks(tx.connection, organisation),
                OrganisationAlignments(tx.connection, organisation),
                self._customs,
                organisation,
                slug,
                read,
                call.principal.id,
                self._clock.now(),
                check,
            )
        self._nudge()
        answer = {"organisation": organisation} | _version(adopted) | {"is_new": is_new}
        return Reply.json(answer, headers={"ETag": version_etag(adopted.version)})

    async def validate(self, call: Call) -> Reply:
        """Answer what PUT would do with this framework, or every fault it would name; nothing comes into force."""
        organisation, slug = organisation_of(call, *_READING_FIELDS), _slug(call)
        sent = await _sent(call)
        try:
            read = await self._read(sent)
            async with self._backbone.door(organisation) as tx:
                found = await dry_run_framework(
                    OrganisationFrameworks(tx.connection, organisation),
                    OrganisationAlignments(tx.connection, organisation),
                    OrganisationVersions(tx.connection, organisation, self._book),
                    self._customs,
                    organisation,
                    slug,
                    read,
                    self._clock.now(),
                )
        except TooLarge:
            raise
        except Rejected as error:
            found = FrameworkDryRun(error.faults)
        return Reply.json(_tried(found))

    async def all(self, call: Call) -> Reply:
        """Answer which frameworks are in force; they are few, so one page holds them."""
        organisation = organisation_of(call)
        async with self._backbone.door(organisation) as tx:
            found = await OrganisationFrameworks(tx.connection, organisation).in_force()
        return Reply.json(page([_version(one) for one in found], None))

    async def versions(self, call: Call) -> Reply:
        """Answer which versions of a framework are kept, newest first; they are few, so one page holds them."""
        organisation, slug = organisation_of(call), _slug(call)
        async with self._backbone.door(organisation) as tx:
            found = await OrganisationFrameworks(tx.connection, organisation).versions(slug)
        if not found:
            raise NotFound("this organisation has no such framework; GET /v1/frameworks lists them")
        return Reply.json(page([_version(one) for one in found], None))

    async def get(self, call: Call) -> Reply:
        """Answer the framework in force, in the form that PUT takes."""
        return await self._answered(call, None)

    async def version(self, call: Call) -> Reply:
        """Answer one version of a framework, as `get` does the one in force."""
        return await self._answered(call, version_of(call.path["version"], "version"))

    async def skill(self, call: Call) -> Reply:
        """Answer one skill under its IRI, to whom it belongs. A retired one says so, and what replaced it."""
        organisation, slug = organisation_of(call), _slug(call)
        framework = None
        if call.path["whose"] == organisation:
            async with self._backbone.door(organisation) as tx:
                adopted = await framework_of(OrganisationFrameworks(tx.connection, organisation), slug)
            framework = await asyncio.to_thread(self._customs.read, adopted)
        skill = framework and {**framework.retired, **framework.skills}.get(call.path["id"])
        if not framework or not skill:
            raise NotFound("this organisation has no such skill; GET /v1/frameworks lists its frameworks")
        iri = their_iri(self._customs.origin, organisation, slug, skill.id)
        return Reply.json({"iri": iri} | _skill(framework, skill))

    async def _read(self, sent: SentFramework) -> Read:
        # In a thread: some MiB take a second, and others are served meanwhile.
        return await asyncio.to_thread(read_framework, sent, self._customs)

    async def _answered(self, call: Call, version: int | None) -> Reply:
        organisation, slug = organisation_of(call), _slug(call)
        async with self._backbone.door(organisation) as tx:
            adopted = await framework_of(OrganisationFrameworks(tx.connection, organisation), slug, version)
        etag = version_etag(adopted.version)
        if is_unchanged(call.headers, etag):
            return Reply.empty(304, {"ETag": etag})
        framework = await asyncio.to_thread(self._customs.read, adopted)
        return Reply.json(framework_json(framework), headers={"ETag": etag})


def _slug(call: Call) -> str:
    slug = call.path["slug"]
    check_slug(slug)
    return slug


async def _sent(call: Call) -> SentFramework:
    """Return the framework that is sent, and what the query says of it. Raises Unsupported, TooLarge, Rejected."""
    call.media_type(JSON_TYPES)
    query = call.query
    for name, value in _SAID.items():
        if query.get(name, value) != value:
            raise Rejected.of(name, f"expected {value}", "Write it so, or leave the field out.")
    rights = query.get("rights")
    if rights is not None and rights not in RIGHTS:
        raise Rejected.of("rights", "no such right is known", f"Write {' or '.join(RIGHTS)}.")
    levels = query.get("levels")
    return SentFramework(
        content=await call.body_bytes(FRAMEWORK_BYTES_MAX),
        rights=None if rights is None else RIGHTS[rights],
        images=None if levels is None else level_image(levels),
        is_related_close="related" in query,
        is_meaning_kept="meaning" in query,
    )


def _version(one: AdoptedFramework) -> dict[str, Any]:
    return {
        "slug": one.slug,
        "version": one.version,
        "digest": digest_text(one.digest),
        "name": one.name,
        "form": one.form,
        "skills": one.skills,
        "mapped": one.mapped,
        "adopted_at": rfc3339(one.adopted_at),
        "adopted_by": one.adopted_by,
    }


def _skill(framework: OrganisationFramework, skill: TheirSkill) -> dict[str, Any]:
    names = [level.name for level in framework.levels]
    return {
        "id": skill.id,
        "name": skill.name,
        "description": skill.description,
        "group": skill.group or None,
        "is_retired": skill.id in framework.retired,
        "replaced_by": skill.replaced_by or None,
        "ours": skill.ours,
        "mapping": [one._asdict() for one in skill.mapping],
        "levels": [
            {
                "number": number,
                "name": name,
                "ours": framework.our_level(number),
                "anchor": skill.anchors[number - 1] if skill.anchors else None,
            }
            for number, name in enumerate(names, 1)
        ],
    }


def _tried(found: FrameworkDryRun) -> dict[str, Any]:
    framework = found.framework
    skills = [] if framework is None else list(framework.skills.values())
    changes = found.changes._asdict().items()
    return {
        "is_valid": not found.faults,
        "errors": [fault_answer(fault) for fault in found.faults],
        "version_in_force": found.version,
        "skills": len(skills),
        "mapped": sum(skill.ours is not None for skill in skills),
        "own": sum(skill.ours is None for skill in skills),
        "passed_over": found.passed_over,
        "levels_merged": [] if framework is None else [list(numbers) for numbers in framework.merged_levels()],
        **{kind: {"count": len(ids), "first": list(ids[:CHANGES_SHOWN_MAX])} for kind, ids in changes},
        "suggested": [
            {"skill": hint.skill, "ours": hint.ours, "through": hint.through}
            for hint in found.hints[:CHANGES_SHOWN_MAX]
        ],
        "people": {"count": found.people.persons, "is_at_least": found.people.is_at_least},
    }
