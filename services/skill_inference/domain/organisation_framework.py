"""An organisation's own skill framework: its words and levels, and which of our skills they are other names of.

What is inferred stays one model: a skill of theirs that is `exact` or `close` to one of ours is another name of it, and
evidence aligned to it is evidence of ours. A skill without such a mapping is kept and shown, and takes no evidence.
Their levels are an ordered list, and each has an image among ours that the organisation wrote; it is never guessed.

How documents are written is not decided here: `organisation_framework_json.py` and `case_framework.py` read them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

from services.skill_inference.domain.classification import ForeignConcept, Relation
from services.skill_inference.domain.framework import LAYERS, LEVELS
from shared.kernel.errors import Fault, Rejected

SKILLS_MAX: Final = 2_000
LEVELS_MAX: Final = 10
ID_MAX: Final = 80
TEXT_MAX: Final = 2_000
FAULTS_MAX: Final = 100
"""Faults that are named one by one; the others are counted."""

Rights: TypeAlias = Literal["ours", "licensed"]
"""By what right the texts are used here: they are the organisation's own, or it holds a licence."""
RIGHTS: Final[Mapping[str, Rights]] = {"ours": "ours", "licensed": "licensed"}
CARRYING: Final = frozenset({"exact", "close"})
"""Relations by which a skill of theirs is another name of ours."""

_SLUG: Final = re.compile(r"[a-z]+(?:-[a-z]+)*")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_SFIA: Final = re.compile(r"\bSFIA\b", re.IGNORECASE)


class Likeness(NamedTuple):
    """How a skill of theirs lies to one of ours; `broad` means ours is the wider."""

    skill: str
    relation: Relation


class TheirLevel(NamedTuple):
    """One of their levels, in order. ours: the level of ours it stands for, 0 for "below level 1"."""

    name: str
    ours: int


class Group(NamedTuple):
    """What they group skills by."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class TheirSkill:
    """One skill of theirs. anchors: one a level of theirs, or none. replaced_by: which of theirs took its place."""

    id: str
    name: str
    description: str
    group: str = ""
    anchors: tuple[str, ...] = ()
    mapping: tuple[Likeness, ...] = ()
    alignments: tuple[ForeignConcept, ...] = ()
    replaced_by: str = ""

    @property
    def ours(self) -> str | None:
        """Which of our skills this is another name of; None where it is a skill of their own."""
        return next((one.skill for one in self.mapping if one.relation in CARRYING), None)


@dataclass(frozen=True, slots=True)
class OrganisationFramework:
    """One version of an organisation's framework. No levels: it uses our five. skills, retired: by id, in order.

    retired: what an earlier version had and this one leaves out. What was aligned to it stays; nothing new is.
    """

    name: str
    language: str
    rights: Rights
    licence: str = ""
    source: str = ""
    groups: tuple[Group, ...] = ()
    levels: tuple[TheirLevel, ...] = ()
    skills: Mapping[str, TheirSkill] = field(default_factory=dict)
    retired: Mapping[str, TheirSkill] = field(default_factory=dict)

    def our_level(self, theirs: int) -> int:
        """Return which of our levels (0 to LEVELS) their level (1 to the number of theirs) stands for."""
        if not self.levels:
            return theirs
        return self.levels[theirs - 1].ours

    def their_level(self, ours: int) -> int:
        """Return the highest of their levels whose image is at most our level; 0 where even the first is above it."""
        if not self.levels:
            return ours
        return sum(level.ours <= ours for level in self.levels)

    def merged_levels(self) -> tuple[tuple[int, ...], ...]:
        """Return which of their levels stand for one and the same of ours, so that their difference is lost."""
        found: dict[int, list[int]] = {}
        for number, level in enumerate(self.levels, 1):
            found.setdefault(level.ours, []).append(number)
        return tuple(tuple(numbers) for numbers in found.values() if len(numbers) > 1)


class ReadFramework(NamedTuple):
    """A framework that holds. places: the pointer of each skill in what was sent; passed_over: what is not kept."""

    framework: OrganisationFramework
    places: Mapping[str, str]
    passed_over: int = 0


class Faults:
    """What is wrong with a document, each with its place; the first FAULTS_MAX are kept, the others counted."""

    def __init__(self) -> None:
        self.kept: list[Fault] = []
        self.count = 0

    def add(self, pointer: str, rule: str, mend: str) -> None:
        """Have one fault more."""
        self.count += 1
        if len(self.kept) < FAULTS_MAX:
            self.kept.append(Fault(pointer, rule, mend))

    def take(self, rejection: Rejected) -> None:
        """Have the faults of a rejection."""
        for fault in rejection.faults:
            self.add(fault.pointer, fault.rule, fault.mend)

    def close(self) -> None:
        """Raise Rejected with what is kept, if there was any."""
        if self.count:
            first = self.kept[0]
            number = "one fault" if self.count == 1 else f"{self.count} faults, the first"
            message = f"this framework cannot be used: {number} at {first.pointer or 'the whole'}: {first.rule}"
            raise Rejected(message, tuple(self.kept))


def check_slug(slug: str) -> None:
    """Raise Rejected for what cannot be the name of a framework in addresses."""
    if _SLUG.fullmatch(slug) is None or len(slug) > ID_MAX or slug in LAYERS:
        rule = "a framework is named by lower-case words joined by hyphens, and not as one of our layers"
        raise Rejected.of("slug", rule, "Choose such a name, for example of your organisation.")


def check_whole(framework: OrganisationFramework, places: Mapping[str, str], faults: Faults) -> None:
    """Have named in `faults` what the framework as a whole owes. places: the pointer of each skill, by id."""
    _check_texts(framework, faults)
    _check_levels(framework.levels, faults)
    if not 0 < len(framework.skills) <= SKILLS_MAX:
        rule = f"expected 1 to {SKILLS_MAX} skills, got {len(framework.skills)}"
        faults.add("", rule, "Send such a framework; split a larger one.")
    count = len(framework.levels) or LEVELS
    for skill in (*framework.skills.values(), *framework.retired.values()):
        at = places[skill.id]
        if skill.anchors and len(skill.anchors) != count:
            rule = f"expected {count} anchors, one a level, got {len(skill.anchors)}"
            faults.add(f"{at}/anchors", rule, "Write one a level, or none.")
        _check_mapping(skill, at, faults)
        if skill.replaced_by and skill.replaced_by not in framework.skills:
            faults.add(f"{at}/replaced_by", "this framework has no such skill", "Name the id of one that it has.")


def _check_texts(framework: OrganisationFramework, faults: Faults) -> None:
    if "\0" in framework.name:
        faults.add("/name", "the name holds a NUL character", "Write plain text.")
    if _LANGUAGE.fullmatch(framework.language) is None:
        faults.add("/language", "this is no language tag of BCP 47", 'Write one such as "en" or "de-CH".')
    sources = (framework.name, framework.source, framework.licence)
    if framework.rights != "licensed" and any(_SFIA.search(text) for text in sources):
        rule = "texts of SFIA are used under a licence of the SFIA Foundation"
        faults.add("/rights", rule, "Write licensed if you hold one; or align your own texts to its codes.")


def _check_levels(levels: Sequence[TheirLevel], faults: Faults) -> None:
    if not levels:
        return
    if not 2 <= len(levels) <= LEVELS_MAX:
        faults.add("/levels", f"expected 2 to {LEVELS_MAX} levels, got {len(levels)}", "Send so many, or none.")
    for index, level in enumerate(levels):
        if index and level.ours < levels[index - 1].ours:
            rule = "a higher level cannot stand for a lower one of ours than the level before it"
            faults.add(f"/levels/{index}/ours", rule, f"Write {levels[index - 1].ours} or more.")
    if levels[-1].ours == 0:
        faults.add(f"/levels/{len(levels) - 1}/ours", "no level reaches level 1 of ours", f"Write 1 to {LEVELS}.")


def _check_mapping(skill: TheirSkill, at: str, faults: Faults) -> None:
    names = [one.skill for one in skill.mapping]
    if len(set(names)) < len(names):
        faults.add(f"{at}/mapping", "one of our skills stands twice", "Name each once.")
    carrying = [one.skill for one in skill.mapping if one.relation in CARRYING]
    if len(carrying) > 1:
        rule = f"exact or close to {len(carrying)} of ours ({', '.join(carrying[:5])}): evidence goes to one"
        faults.add(f"{at}/mapping", rule, "Keep the one that is meant, and write related for the others.")
