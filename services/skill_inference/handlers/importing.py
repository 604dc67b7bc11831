"""Taking an organisation's own framework into force: whole, in versions that never change, all or nothing.

Alignments in force that name skills of it are read again in the same transaction: where they then say something else
they become a new version too, and whoever that touches is swept up as after any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from services.skill_inference.domain.alignment import Target, targets
from services.skill_inference.domain.alignment_changes import changes
from services.skill_inference.domain.alignment_csv import parse_alignments
from services.skill_inference.domain.case_framework import CaseReading, is_case_framework, parse_case_framework
from services.skill_inference.domain.framework import LEVELS, Framework
from services.skill_inference.domain.framework_succession import Hint, Succession, changes_of, hints, succeed
from services.skill_inference.domain.organisation_framework import (
    RIGHTS,
    OrganisationFramework,
    ReadFramework,
    Rights,
)
from services.skill_inference.domain.organisation_framework_json import framework_json, parse_framework_json
from services.skill_inference.domain.skill_names import SkillNames
from services.skill_inference.domain.their_names import TheirNames
from services.skill_inference.handlers.adopting import (
    Adopted,
    AlignmentDesk,
    ReadTable,
    Touched,
    adopt,
    read_again,
)
from shared.kernel import canonical_json
from shared.kernel.errors import Conflict, Fault, NotFound, Rejected
from shared.kernel.hashing import sha256

VERSIONS_KEPT: Final = 20
"""Versions kept of one framework, the one in force among them."""
FRAMEWORKS_MAX: Final = 20
"""Frameworks of one organisation."""
FRAMEWORK_BYTES_MAX: Final = 8 << 20

FrameworkForm: TypeAlias = Literal["json", "case"]


class SentFramework(NamedTuple):
    """A framework as it was sent, and what the sender said beside it.

    rights, images, is_related_close: for CASE, which says none of them. is_meaning_kept: ids mean what they meant,
    whatever their words are now.
    """

    content: bytes
    rights: Rights | None = None
    images: tuple[int, ...] | None = None
    is_related_close: bool = False
    is_meaning_kept: bool = False


class Read(NamedTuple):
    """A framework that holds by itself, and how it was sent."""

    read: ReadFramework
    form: FrameworkForm
    is_meaning_kept: bool


class AdoptedFramework(NamedTuple):
    """A version of a framework. content: our own form, canonical; digest: its SHA-256. mapped: skills that are ours."""

    slug: str
    version: int
    digest: bytes
    name: str
    skills: int
    mapped: int
    content: bytes
    form: FrameworkForm
    adopted_at: datetime
    adopted_by: str


class FrameworkDesk(Protocol):
    """Storage for the frameworks of one organisation, inside one transaction."""

    async def in_force(self) -> Sequence[AdoptedFramework]:
        """Return what is in force, by slug."""
        ...

    async def versions(self, slug: str) -> Sequence[AdoptedFramework]:
        """Return the versions that are kept, newest first."""
        ...

    async def adopt(self, adopted: AdoptedFramework) -> None:
        """Have put this version into force, and dropped versions beyond VERSIONS_KEPT."""
        ...


class TouchedDesk(Protocol):
    """What a dry run asks of an organisation's statements."""

    async def people(self, activities: Collection[str]) -> Touched:
        """Return how many have a statement about one of these activities."""
        ...


@dataclass(frozen=True, slots=True)
class Customs:
    """What frameworks of organisations are read by: ours, the names of its skills, and the origin of the house."""

    framework: Framework
    names: SkillNames
    origin: str

    def theirs(
        self, organisation: str, frameworks: Mapping[str, OrganisationFramework], *, with_retired: bool = False
    ) -> TheirNames:
        """Return what an organisation with these frameworks may call skills."""
        return TheirNames(self.names, self.origin, organisation, frameworks, with_retired=with_retired)

    def read(self, adopted: AdoptedFramework) -> OrganisationFramework:
        """Return the framework of a version. A mapping to a skill that ours lost is a fault, which Rejected names."""
        return parse_framework_json(canonical_json.loads(adopted.content), self.names).framework


class FrameworkDryRun(NamedTuple):
    """What a framework would do. faults: why it would be refused; everything else says nothing then."""

    faults: tuple[Fault, ...]
    version: int = 0
    framework: OrganisationFramework | None = None
    passed_over: int = 0
    changes: Succession = Succession((), (), (), ())
    hints: tuple[Hint, ...] = ()
    people: Touched = Touched(0, is_at_least=False)


class _Plan(NamedTuple):
    """What is to come into force: a version, and a table of alignments where that reads otherwise now."""

    adopted: AdoptedFramework
    framework: OrganisationFramework
    before: OrganisationFramework | None
    version_before: int
    alignments: Adopted | None
    table: ReadTable | None

    @property
    def is_new(self) -> bool:
        """Whether anything changes."""
        return self.adopted.version != self.version_before


def read_framework(sent: SentFramework, customs: Customs) -> Read:
    """Return the framework that was sent, and in which form. Raises Rejected naming every fault; TooLarge."""
    document = canonical_json.loads(sent.content, bytes_max=FRAMEWORK_BYTES_MAX)
    if is_case_framework(document):
        if sent.rights is None:
            mend = f"Add ?rights= with {' or '.join(RIGHTS)} to the query."
            raise Rejected.of("rights", "CASE says nothing of the right to use the texts here", mend)
        reading = CaseReading(sent.rights, sent.images or (), sent.is_related_close)
        return Read(parse_case_framework(document, customs.names, reading), "case", sent.is_meaning_kept)
    said = {"rights": sent.rights, "levels": sent.images, "related": sent.is_related_close or None}
    for name, value in said.items():
        if value is not None:
            raise Rejected.of(name, "this form says it in its own members", "Leave it out of the query.")
    return Read(parse_framework_json(document, customs.names), "json", sent.is_meaning_kept)


async def adopt_framework(
    frameworks: FrameworkDesk,
    alignments: AlignmentDesk,
    customs: Customs,
    organisation: str,
    slug: str,
    read: Read,
    by: str,
    now: datetime,
    check: Callable[[AdoptedFramework | None], None],
) -> tuple[AdoptedFramework, bool]:
    """Have the framework in force and return it with whether anything changed; the same again is the same version.

    check: raises when the caller expected something else to be in force.
    """
    await alignments.hold_alone()
    in_force = {one.slug: one for one in await frameworks.in_force()}
    check(in_force.get(slug))
    if slug not in in_force and len(in_force) >= FRAMEWORKS_MAX:
        raise Conflict(f"an organisation has at most {FRAMEWORKS_MAX} frameworks")
    current = await alignments.in_force()
    plan = await asyncio.to_thread(_plan, customs, organisation, slug, read, in_force, current, by, now)
    if not plan.is_new:
        return plan.adopted, False
    await frameworks.adopt(plan.adopted)
    if plan.table is not None:
        await adopt(alignments, organisation, plan.table.table, by, now, lambda _: None)
    return plan.adopted, True


async def dry_run_framework(
    frameworks: FrameworkDesk,
    alignments: AlignmentDesk,
    people: TouchedDesk,
    customs: Customs,
    organisation: str,
    slug: str,
    read: Read,
    now: datetime,
) -> FrameworkDryRun:
    """Return what taking this framework into force would do. Raises Rejected as that would."""
    in_force = {one.slug: one for one in await frameworks.in_force()}
    current = await alignments.in_force()
    plan = await asyncio.to_thread(_plan, customs, organisation, slug, read, in_force, current, "", now)
    touched = await people.people(_touched(plan, customs.framework))
    return FrameworkDryRun(
        (),
        plan.version_before,
        plan.framework,
        read.read.passed_over,
        changes_of(plan.framework, plan.before),
        hints(plan.framework, customs.framework),
        touched,
    )


async def framework_of(frameworks: FrameworkDesk, slug: str, version: int | None = None) -> AdoptedFramework:
    """Return a version of a framework, None for the one in force. Raises NotFound where it is not kept."""
    kept = await frameworks.versions(slug)
    if not kept:
        raise NotFound("this organisation has no such framework; GET /v1/frameworks lists them")
    found = next((one for one in kept if version in (None, one.version)), None)
    if found is None:
        raise NotFound(
            f"version {version} is not kept; GET /v1/frameworks/{slug}/versions lists the last {VERSIONS_KEPT}"
        )
    return found


def _plan(
    customs: Customs,
    organisation: str,
    slug: str,
    read: Read,
    in_force: Mapping[str, AdoptedFramework],
    alignments: Adopted | None,
    by: str,
    now: datetime,
) -> _Plan:
    """Return what is to come into force. Raises Rejected where the version before, or an alignment, forbids it."""
    known = in_force.get(slug)
    all_read = {name: customs.read(one) for name, one in in_force.items()}
    before = all_read.get(slug)
    framework = succeed(read.read, before, is_meaning_kept=read.is_meaning_kept)
    content = canonical_json.dumps(framework_json(framework))
    version = 0 if known is None else known.version
    if known is not None and known.content == content:
        return _Plan(known, framework, before, version, alignments, None)
    names = customs.theirs(organisation, {**all_read, slug: framework}, with_retired=True)
    table = None if alignments is None else read_again(alignments.table, customs.framework.skills, names)
    mapped = sum(skill.ours is not None for skill in framework.skills.values())
    adopted = AdoptedFramework(
        slug=slug,
        version=version + 1,
        digest=sha256(content),
        name=framework.name,
        skills=len(framework.skills),
        mapped=mapped,
        content=content,
        form=read.form,
        adopted_at=now,
        adopted_by=by,
    )
    return _Plan(adopted, framework, before, version, alignments, table)


def _touched(plan: _Plan, framework: Framework) -> list[str]:
    """Return the activities whose evidence would count otherwise."""
    if plan.table is None or plan.alignments is None:
        return []
    from_before = _targets(plan.alignments.table.content, framework)
    return [one.activity for one in changes(from_before, targets(plan.table.rows))]


def _targets(content: bytes, framework: Framework) -> Mapping[str, Target]:
    return targets(parse_alignments(content.decode(), framework.skills).rows)


def level_image(text: str) -> tuple[int, ...]:
    """Return which of ours each level stands for, from a list such as "0,1,3". Raises Rejected for another text."""
    parts = [part.strip() for part in text.split(",")]
    if not all(len(part) == 1 and part in "0123456789" and int(part) <= LEVELS for part in parts):
        rule = f"expected levels of ours, 0 to {LEVELS}, joined by commas"
        raise Rejected.of("levels", rule, "Write one for each of your levels, lowest first.")
    return tuple(int(part) for part in parts)
