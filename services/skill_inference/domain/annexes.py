"""What a calibration release says of single tasks and of single reviewers, apart from it and named by its hash.

An annex is too large to be part of the release, or too private: leniencies of named reviewers are under the erasure
rules and are never served. The release holds their SHA-256, so a forged or mixed up annex is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from services.skill_inference.domain.document import Section, read_document
from services.skill_inference.domain.observation import TEXT_MAX, Outcome
from shared.kernel.errors import Rejected

ANNEXES: Final = ("tasks", "reviewers", "readout")
"""The annexes a release may have: what `parse_tasks` reads, what `parse_reviewers` reads, and the served prediction."""
EASE_MAX: Final = 12.0
"""Logits. A calibrated ease may lie further out than a stated difficulty, as it is fitted."""
_VARIANCE_MAX: Final = 100.0


class Spread(NamedTuple):
    """Mean and variance of what is known of a number, in logits."""

    mean: float
    variance: float


@dataclass(frozen=True, slots=True)
class TaskParameters:
    """How hard tasks are. difficulty, variance: of a task of which nothing is known; variance also of stated ones.

    known: the ease beyond its skills of each calibrated task. skills: the ease of the tasks of a skill as a whole.
    """

    difficulty: float
    variance: float
    known: Mapping[str, Spread] = field(default_factory=dict)
    skills: Mapping[str, Spread] = field(default_factory=dict)

    def skill_ease(self, skill: str) -> Spread:
        """Return what is known of the tasks of a skill as a whole; nothing special of one never calibrated."""
        return self.skills.get(skill, Spread(0.0, 0.0))

    def ease(self, outcome: Outcome) -> Spread:
        """Return the ease of the outcome's task beyond its skills: as calibrated, else as stated, else as any.

        A stated difficulty is of the whole task, so what its skills add is taken off again.
        """
        known = self.known.get(outcome.task)
        if known is not None:
            return known
        if outcome.difficulty is None:
            return Spread(-self.difficulty, self.variance)
        ease, variance = -outcome.difficulty, self.variance
        for skill, share in outcome.shares if self.skills else ():
            of_skill = self.skill_ease(skill)
            ease -= share * of_skill.mean
            variance -= share * share * of_skill.variance
        return Spread(ease, max(variance, 0.0))


class KnownReviewer(NamedTuple):
    """What is known of one reviewer: how lenient, minus how severe, and by how much more for each skill."""

    leniency: Spread
    parts: Mapping[str, Spread]


@dataclass(frozen=True, slots=True)
class ReviewerParameters:
    """How far reviewers differ, as variances in logits, and what is known of those who were calibrated.

    severity: between reviewers. part: of one reviewer between skills. sitting: of one reviewer between works.
    """

    severity_variance: float
    part_variance: float
    sitting_variance: float
    known: Mapping[str, KnownReviewer] = field(default_factory=dict)

    def leniency(self, reviewer: str) -> Spread:
        """Return what is known of the reviewer's leniency; the prior for one never calibrated."""
        found = self.known.get(reviewer)
        return Spread(0.0, self.severity_variance) if found is None else found.leniency

    def part(self, reviewer: str, skill: str) -> Spread:
        """Return what is known of the reviewer's part for one skill; the prior where nothing is."""
        found = self.known.get(reviewer)
        known = None if found is None else found.parts.get(skill)
        return Spread(0.0, self.part_variance) if known is None else known


def check_annex(name: str, raw: bytes, digest: str | None) -> None:
    """Hold an annex to the digest its release names. Raises Rejected where the release names none, or another."""
    if digest is None:
        raise Rejected.of(f"/annexes/{name}", "the release names no such annex", "Bring only what it names.")
    found = hashlib.sha256(raw).hexdigest()
    if found != digest:
        rule = f"expected an annex with SHA-256 {digest}, got {found}"
        raise Rejected.of(f"/annexes/{name}", rule, "Bring the annex that was written with the release.")


def parse_tasks(raw: bytes) -> tuple[dict[str, Spread], dict[str, Spread]]:
    """Return ease and variance by task and by skill: {"tasks": {id: [ease, variance]}, "skills": {…}}.

    Raises Rejected naming pointer, rule and mend.
    """
    document = read_document(raw)
    found = _spreads(document.section("tasks")), _spreads(document.section("skills"))
    document.close()
    return found


def parse_reviewers(raw: bytes) -> dict[str, KnownReviewer]:
    """Return what is known of reviewers: {"reviewers": {id: {"leniency": [mean, variance], "parts": {skill: […]}}}}.

    Raises Rejected naming pointer, rule and mend; no message holds the id of a reviewer but in its pointer.
    """
    document = read_document(raw)
    reviewers = document.section("reviewers")
    document.close()
    found = {}
    for name in reviewers.names():
        section = reviewers.section(_named(reviewers, name))
        found[name] = KnownReviewer(_spread(section, "leniency"), _spreads(section.section("parts")))
        section.close()
    return found


def _spreads(section: Section) -> dict[str, Spread]:
    return {name: _spread(section, _named(section, name)) for name in section.names()}


def _spread(section: Section, name: str) -> Spread:
    mean, variance = section.numbers(name, 2, -_VARIANCE_MAX, _VARIANCE_MAX)
    if not (-EASE_MAX <= mean <= EASE_MAX and variance >= 0.0):
        rule = f"expected a mean within ±{EASE_MAX} and a variance of 0 to {_VARIANCE_MAX}"
        raise Rejected.of(section.at(name), rule, "Write such a pair.")
    return Spread(mean, variance)


def _named(section: Section, name: str) -> str:
    if not 0 < len(name) <= TEXT_MAX:
        raise Rejected.of(section.pointer, f"expected ids of 1 to {TEXT_MAX} characters", "Remove the others.")
    return name
