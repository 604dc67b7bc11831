"""A calibration release: every number the model reads evidence by, immutable and named by its hash.

An estimate says which release made it. A parameter that changes is a new release; estimates of two releases are never
mixed. Release "0" was set by hand from what is known of such data elsewhere, and says so in `origin`.

All levels, difficulties and thresholds lie on one logit scale: a person at level L succeeds at a task of difficulty d
with probability sigmoid(L - d), and an average reviewer marks their average work >= k with sigmoid(L - kappa_k).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from services.skill_inference.domain.document import Section, read_document
from services.skill_inference.domain.framework import LEVELS
from services.skill_inference.domain.observation import DIFFICULTY_MAX, Assurance
from services.skill_inference.domain.response import even_odds
from shared.kernel import canonical_json
from shared.kernel.errors import Rejected

LOGIT_MAX: Final = DIFFICULTY_MAX
"""Means, thresholds and difficulties lie within ±8 logits: beyond, a chance is below 1 in 2,900 anyway."""
VARIANCE_MIN: Final = 1e-6
VARIANCE_MAX: Final = 100.0
CUT_POINT_DIGITS: Final = 9
"""Cut points are stored rounded to this many decimals, so that they read the same everywhere."""
_DIGEST_CHARACTERS: Final = 16


@dataclass(frozen=True, slots=True)
class GeneralPrior:
    """What is believed of a stranger's general level: N(mean, variance), and how it drifts while unseen.

    drift_per_day: variance added for each day; the variance never grows beyond the stranger's.
    """

    mean: float
    variance: float
    drift_per_day: float


@dataclass(frozen=True, slots=True)
class SkillPrior:
    """What is believed of a stranger's deviation in one skill, and the half-life by which belief returns to it."""

    mean: float
    variance: float
    half_life_days: float


@dataclass(frozen=True, slots=True)
class TaskParameters:
    """How the outcome of a task is read.

    difficulty: of a task nobody rated. variance: of difficulties about their stated value. repeat_factor: the weight
    of the n-th repeat of a task is repeat_factor^n. step_max: logits by which one task, however often repeated, moves
    a skill at most.
    """

    difficulty: float
    variance: float
    repeat_factor: float
    step_max: float


@dataclass(frozen=True, slots=True)
class ReviewerParameters:
    """How far reviewers differ, as variances in logits.

    severity: between reviewers. criterion: of one reviewer between criteria. sitting: of one reviewer between works.
    """

    severity_variance: float
    criterion_variance: float
    sitting_variance: float


@dataclass(frozen=True, slots=True)
class Release:
    """One immutable calibration. `cut_points[k - 1]` is the logit at which level k is reached.

    work_variance: by how much one work is luckier, or its task harder, than another. One work, however often it is
    marked, tells at most 1 / work_variance about a skill.
    """

    name: str
    origin: str
    digest: str
    general: GeneralPrior
    skill_default: SkillPrior
    skill_overrides: Mapping[str, SkillPrior]
    tasks: TaskParameters
    work_variance: float
    reviewers: ReviewerParameters
    thresholds_default: tuple[float, ...]
    thresholds_by_criterion: Mapping[str, tuple[float, ...]]
    assurance: Mapping[Assurance, float]
    cut_points: tuple[float, ...]

    @property
    def id(self) -> str:
        """The name every estimate carries: the release's name and the head of its hash."""
        return f"{self.name}-{self.digest[:_DIGEST_CHARACTERS]}"

    def skill(self, skill: str) -> SkillPrior:
        """Return the prior of a skill."""
        return self.skill_overrides.get(skill, self.skill_default)

    def thresholds(self, criterion: str) -> tuple[float, ...]:
        """Return the LEVELS thresholds of a criterion, rising."""
        return self.thresholds_by_criterion.get(criterion, self.thresholds_default)

    def prior_mean(self, skill: str) -> float:
        """Return the mean level of a stranger."""
        return self.general.mean + self.skill(skill).mean

    def prior_variance(self, skill: str) -> float:
        """Return the variance of a stranger's level."""
        return self.general.variance + self.skill(skill).variance


def parse_release(raw: bytes) -> Release:
    """Return the release a JSON document describes, named by the hash of its canonical form.

    Raises Rejected naming pointer, rule and mend: for a number out of bounds or missing, thresholds that do not rise,
    an assurance kind without a weight, and cut points that do not follow from the thresholds.
    """
    document = read_document(raw)
    skill_default, skill_overrides = _priors(document.section("skills"))
    thresholds_default, thresholds_by_criterion = _threshold_table(document.section("thresholds"))
    release = Release(
        name=document.text("name", 20),
        origin=document.text("origin", 200),
        digest=canonical_json.digest(canonical_json.loads(raw)).hex(),
        general=_general(document.section("general")),
        skill_default=skill_default,
        skill_overrides=skill_overrides,
        tasks=_tasks(document.section("tasks")),
        work_variance=_sole(document.section("works"), "variance"),
        reviewers=_reviewers(document.section("reviewers")),
        thresholds_default=thresholds_default,
        thresholds_by_criterion=thresholds_by_criterion,
        assurance=_assurance(document.section("assurance")),
        cut_points=document.numbers("cut_points", LEVELS, -2 * LOGIT_MAX, 2 * LOGIT_MAX),
    )
    document.close()
    _check_cut_points(release)
    return release


def derive_cut_points(release: Release) -> tuple[float, ...]:
    """Return the logits at which an average reviewer gives an average task >= k with probability one half, k = 1 ….

    Averaged over the criteria the release names, or the default one when it names none.
    """
    criteria = [*release.thresholds_by_criterion.values()] or [release.thresholds_default]
    return tuple(
        round(even_odds([thresholds[k] for thresholds in criteria], release.tasks.difficulty), CUT_POINT_DIGITS)
        for k in range(LEVELS)
    )


def _general(section: Section) -> GeneralPrior:
    prior = GeneralPrior(
        mean=section.number("mean", -LOGIT_MAX, LOGIT_MAX),
        variance=section.number("variance", VARIANCE_MIN, VARIANCE_MAX),
        drift_per_day=section.number("drift_per_day", 0.0, 1.0),
    )
    section.close()
    return prior


def _skill(section: Section) -> SkillPrior:
    prior = SkillPrior(
        mean=section.number("mean", -LOGIT_MAX, LOGIT_MAX),
        variance=section.number("variance", VARIANCE_MIN, VARIANCE_MAX),
        half_life_days=section.number("half_life_days", 1.0, 36_525.0),
    )
    section.close()
    return prior


def _priors(section: Section) -> tuple[SkillPrior, dict[str, SkillPrior]]:
    overrides = section.section("overrides")
    priors = _skill(section.section("default")), {name: _skill(overrides.section(name)) for name in overrides.names()}
    section.close()
    return priors


def _tasks(section: Section) -> TaskParameters:
    tasks = TaskParameters(
        difficulty=section.number("difficulty", -LOGIT_MAX, LOGIT_MAX),
        variance=section.number("variance", 0.0, VARIANCE_MAX),
        repeat_factor=section.number("repeat_factor", 0.0, 1.0),
        step_max=section.number("step_max", VARIANCE_MIN, LOGIT_MAX),
    )
    section.close()
    return tasks


def _sole(section: Section, name: str) -> float:
    value = section.number(name, VARIANCE_MIN, VARIANCE_MAX)
    section.close()
    return value


def _reviewers(section: Section) -> ReviewerParameters:
    reviewers = ReviewerParameters(
        severity_variance=section.number("severity_variance", 0.0, VARIANCE_MAX),
        criterion_variance=section.number("criterion_variance", 0.0, VARIANCE_MAX),
        sitting_variance=section.number("sitting_variance", 0.0, VARIANCE_MAX),
    )
    section.close()
    return reviewers


def _thresholds(section: Section, name: str) -> tuple[float, ...]:
    thresholds = section.numbers(name, LEVELS, -LOGIT_MAX, LOGIT_MAX)
    if any(low >= high for low, high in pairwise(thresholds)):
        raise Rejected.of(section.at(name), "thresholds rise from each mark to the next", "Order them, all different.")
    return thresholds


def _threshold_table(section: Section) -> tuple[tuple[float, ...], dict[str, tuple[float, ...]]]:
    criteria = section.section("criteria")
    table = _thresholds(section, "default"), {name: _thresholds(criteria, name) for name in criteria.names()}
    section.close()
    return table


def _assurance(section: Section) -> dict[Assurance, float]:
    weights = {kind: section.number(kind.value, 0.0, 1.0) for kind in Assurance}
    section.close()
    return weights


def _check_cut_points(release: Release) -> None:
    derived = derive_cut_points(release)
    if not all(math.isclose(a, b, abs_tol=1e-8) for a, b in zip(derived, release.cut_points, strict=True)):
        rule = f"the cut points that follow from the thresholds are {list(derived)}"
        raise Rejected.of("/cut_points", rule, "Write these.")
