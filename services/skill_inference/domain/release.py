"""A calibration release: every number the model reads evidence by, immutable and named by its hash.

An estimate says which release made it. A parameter that changes is a new release; estimates of two releases are never
mixed. Release "0" was set by hand from what is known of such data elsewhere, and says so in `origin`.

All levels, difficulties and thresholds lie on one logit scale: a person at level L succeeds at a task of difficulty d
with probability sigmoid(L - d), and an average reviewer marks their average work >= k with sigmoid(L - kappa_k).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final, NamedTuple

from services.skill_inference.domain.annexes import (
    ANNEXES,
    ReviewerParameters,
    TaskParameters,
    check_annex,
    parse_reviewers,
    parse_tasks,
)
from services.skill_inference.domain.document import Section, read_document
from services.skill_inference.domain.framework import LEVELS
from services.skill_inference.domain.observation import DIFFICULTY_MAX, MARK_BOUND, Assurance
from services.skill_inference.domain.readout import Readout, parse_readout
from services.skill_inference.domain.response import even_odds
from services.skill_inference.domain.response_fold import LN_2, Curve
from shared.kernel import canonical_json
from shared.kernel.errors import Rejected

FORM: Final = 2
"""The form of document that is read; form 1 had neither a curve nor annexes."""
LOGIT_MAX: Final = DIFFICULTY_MAX
"""Means, thresholds and difficulties lie within ±8 logits: beyond, a chance is below 1 in 2,900 anyway."""
VARIANCE_MIN: Final = 1e-6
VARIANCE_MAX: Final = 100.0
HALF_LIFE_MAX_DAYS: Final = 36_525.0
"""A century: no skill may be stated to keep longer."""
FRESH_MIN_DAYS: Final = 180.0
FRESH_MAX_DAYS: Final = 1_095.0
"""Within which a curve's half-life says how long evidence is fresh. A curve is fitted to what predicts the next
outcome: days where practice is massed, for ever where no time passed. Neither says when a work is too old to claim by.
"""
CUT_POINT_DIGITS: Final = 9
"""Cut points are stored rounded to this many decimals, so that they read the same everywhere."""
CURVE_BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "general_mean": (-LOGIT_MAX, LOGIT_MAX),
    "general_variance": (VARIANCE_MIN, VARIANCE_MAX),
    "general_growth": (0.0, 1.0),
    "general_drift_per_day": (0.0, 1.0),
    "form_mean": (-LOGIT_MAX, LOGIT_MAX),
    "form_variance": (0.0, VARIANCE_MAX),
    "form_keep": (0.0, 1.0),
    "form_rate": (0.0, 100.0),
    "deviation_variance": (VARIANCE_MIN, VARIANCE_MAX),
    "deviation_growth": (0.0, 1.0),
    "deviation_rate": (0.0, LN_2),
    "gain_success": (-0.5, 0.5),
    "gain_failure": (-0.5, 0.5),
    "familiar_variance": (0.0, VARIANCE_MAX),
    "familiar_success": (-LOGIT_MAX, LOGIT_MAX),
    "familiar_failure": (-LOGIT_MAX, LOGIT_MAX),
    "familiar_rate": (0.0, 100.0),
    "repeat_factor": (0.0, 1.0),
    "step_max": (VARIANCE_MIN, LOGIT_MAX),
    "novelty": (-LOGIT_MAX, LOGIT_MAX),
    "novelty_keep": (0.0, 1.0),
}
"""Within which each number of the curve must lie."""
_HALF_LIFE_DIGITS: Final = 6
_DIGEST_CHARACTERS: Final = 16
_SHA_256: Final = re.compile(r"[0-9a-f]{64}")


class SkillPrior(NamedTuple):
    """What is believed of a stranger's deviation in one skill, N(0, variance), and how long evidence of it is fresh.

    half_life_days: as the release states it of the skill; else the curve's, within FRESH_MIN_DAYS … FRESH_MAX_DAYS.
    """

    variance: float
    half_life_days: float


@dataclass(frozen=True, slots=True)
class WorkParameters:
    """By how much one work is luckier, or its task harder, than another, and so each skill of a work by itself.

    One work, however often it is marked, tells at most 1 / variance about a skill.
    """

    variance: float
    part_variance: float


@dataclass(frozen=True, slots=True)
class Release:
    """One immutable calibration. `cut_points[k - 1]` is the logit at which level k is reached.

    half_lives: in days, of the skills whose belief returns to its prior at another pace than `curve` says.
    annexes: the SHA-256 of each annex, by name. told_marks: by a criterion's highest mark, the expected mark from which
    on each mark above 0 is told; none where it is rounded. readout: None where there is none, or it was not brought.
    """

    name: str
    origin: str
    digest: str
    curve: Curve
    half_lives: Mapping[str, float]
    tasks: TaskParameters
    works: WorkParameters
    reviewers: ReviewerParameters
    thresholds_default: tuple[float, ...]
    thresholds_by_criterion: Mapping[str, tuple[float, ...]]
    assurance: Mapping[Assurance, float]
    cut_points: tuple[float, ...]
    annexes: Mapping[str, str]
    told_marks: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    readout: Readout | None = None

    @property
    def id(self) -> str:
        """The name every estimate carries: the release's name and the head of its hash."""
        return f"{self.name}-{self.digest[:_DIGEST_CHARACTERS]}"

    def skill(self, skill: str) -> SkillPrior:
        """Return the prior of a skill."""
        stated = self.half_lives.get(skill)
        half_life = _half_life(self.curve.deviation_rate) if stated is None else stated
        return SkillPrior(self.curve.deviation_variance, half_life)

    def pace(self, skill: str) -> float:
        """Return how much faster than `curve.deviation_rate` belief in the skill returns to its prior."""
        stated = self.half_lives.get(skill)
        return 1.0 if stated is None else LN_2 / stated / self.curve.deviation_rate

    def thresholds(self, criterion: str) -> tuple[float, ...]:
        """Return the thresholds of a criterion, rising; as many as its highest mark."""
        return self.thresholds_by_criterion.get(criterion, self.thresholds_default)

    def prior_mean(self, skill: str) -> float:
        """Return the mean level of a stranger."""
        return self.curve.general_mean

    def prior_variance(self, skill: str) -> float:
        """Return the variance of a stranger's level."""
        return self.curve.general_variance + self.curve.deviation_variance

    def with_annexes(self, annexes: Mapping[str, bytes]) -> Release:
        """Return the release knowing single tasks and reviewers, and its readout, by these annexes.

        Raises Rejected for an annex it does not name, of another content than it names, or that cannot be read.
        """
        tasks, reviewers, readout = self.tasks, self.reviewers, self.readout
        for name, raw in annexes.items():
            check_annex(name, raw, self.annexes.get(name))
        if "tasks" in annexes:
            known, skills = parse_tasks(annexes["tasks"])
            tasks = replace(tasks, known=known, skills=skills)
        if "reviewers" in annexes:
            reviewers = replace(reviewers, known=parse_reviewers(annexes["reviewers"]))
        if "readout" in annexes:
            readout = parse_readout(annexes["readout"])
        return replace(self, tasks=tasks, reviewers=reviewers, readout=readout)


def parse_release(raw: bytes) -> Release:
    """Return the release a JSON document describes, named by the hash of its canonical form.

    Raises Rejected naming pointer, rule and mend: for a number out of bounds or missing, thresholds that do not rise,
    an assurance kind without a weight, and cut points that do not follow from the thresholds.
    """
    document = read_document(raw)
    document.number("form", FORM, FORM)
    curve = _curve(document.section("curve"))
    thresholds_default, thresholds_by_criterion = _threshold_table(document.section("thresholds"))
    release = Release(
        name=document.text("name", 20),
        origin=document.text("origin", 200),
        digest=canonical_json.digest(canonical_json.loads(raw)).hex(),
        curve=curve,
        half_lives=_half_lives(document.section("half_lives"), curve),
        tasks=_tasks(document.section("tasks")),
        works=_works(document.section("works")),
        reviewers=_reviewers(document.section("reviewers")),
        thresholds_default=thresholds_default,
        thresholds_by_criterion=thresholds_by_criterion,
        assurance=_assurance(document.section("assurance")),
        cut_points=document.numbers("cut_points", LEVELS, -2 * LOGIT_MAX, 2 * LOGIT_MAX),
        annexes=_annexes(document.section("annexes")),
        told_marks=_told_marks(document.section("told_marks")) if "told_marks" in document.names() else {},
    )
    document.close()
    _check_cut_points(release)
    return release


def derive_cut_points(release: Release) -> tuple[float, ...]:
    """Return the logits at which an average reviewer gives an average task >= k with probability one half, k = 1 ….

    Averaged over the criteria that the release names and that are marked as levels are, from 0 to LEVELS; or the
    default one where there are none.
    """
    named = [thresholds for thresholds in release.thresholds_by_criterion.values() if len(thresholds) == LEVELS]
    criteria: list[tuple[float, ...]] = [*named] or [release.thresholds_default]
    return tuple(
        round(even_odds([thresholds[k] for thresholds in criteria], release.tasks.difficulty), CUT_POINT_DIGITS)
        for k in range(LEVELS)
    )


def _half_life(rate: float) -> float:
    if rate == 0.0:
        return FRESH_MAX_DAYS
    return min(max(round(LN_2 / rate, _HALF_LIFE_DIGITS), FRESH_MIN_DAYS), FRESH_MAX_DAYS)


def _curve(section: Section) -> Curve:
    # A release that is older than a number of the curve does without it.
    stated = [name for name in Curve._fields if name in section.names() or name not in Curve._field_defaults]
    curve = Curve(**{name: section.number(name, *CURVE_BOUNDS[name]) for name in stated})
    section.close()
    return curve


def _half_lives(section: Section, curve: Curve) -> dict[str, float]:
    if section.names() and curve.deviation_rate == 0.0:
        rule = "belief never returns to its prior, as /curve/deviation_rate is 0, so no skill has a half-life"
        raise Rejected.of(section.pointer, rule, "State a rate above 0, or no half-life.")
    return {name: section.number(name, 1.0, HALF_LIFE_MAX_DAYS) for name in section.names()}


def _tasks(section: Section) -> TaskParameters:
    tasks = TaskParameters(
        difficulty=section.number("difficulty", -LOGIT_MAX, LOGIT_MAX),
        variance=section.number("variance", 0.0, VARIANCE_MAX),
    )
    section.close()
    return tasks


def _works(section: Section) -> WorkParameters:
    works = WorkParameters(
        variance=section.number("variance", VARIANCE_MIN, VARIANCE_MAX),
        part_variance=section.number("part_variance", 0.0, VARIANCE_MAX),
    )
    section.close()
    return works


def _reviewers(section: Section) -> ReviewerParameters:
    reviewers = ReviewerParameters(
        severity_variance=section.number("severity_variance", 0.0, VARIANCE_MAX),
        part_variance=section.number("part_variance", 0.0, VARIANCE_MAX),
        sitting_variance=section.number("sitting_variance", 0.0, VARIANCE_MAX),
    )
    section.close()
    return reviewers


def _thresholds(section: Section, name: str, count: int) -> tuple[float, ...]:
    thresholds = section.numbers(name, count, -LOGIT_MAX, LOGIT_MAX)
    if any(low >= high for low, high in pairwise(thresholds)):
        raise Rejected.of(section.at(name), "thresholds rise from each mark to the next", "Order them, all different.")
    return thresholds


def _criterion(section: Section, name: str) -> tuple[float, ...]:
    count = len(section.items(name))
    if not 0 < count <= MARK_BOUND:
        rule = f"expected 1 to {MARK_BOUND} thresholds, one a mark above 0"
        raise Rejected.of(section.at(name), rule, "Write so many.")
    return _thresholds(section, name, count)


def _threshold_table(section: Section) -> tuple[tuple[float, ...], dict[str, tuple[float, ...]]]:
    criteria = section.section("criteria")
    table = _thresholds(section, "default", LEVELS), {name: _criterion(criteria, name) for name in criteria.names()}
    section.close()
    return table


def _assurance(section: Section) -> dict[Assurance, float]:
    weights = {kind: section.number(kind.value, 0.0, 1.0) for kind in Assurance}
    section.close()
    return weights


def _told_marks(section: Section) -> dict[int, tuple[float, ...]]:
    scales = {str(top): top for top in range(1, MARK_BOUND + 1)}
    found = {}
    for name in section.names():
        if name not in scales:
            raise Rejected.of(section.at(name), f"a highest mark is a number from 1 to {MARK_BOUND}", "Write such one.")
        cuts = section.numbers(name, scales[name], -MARK_BOUND, 2 * MARK_BOUND)
        if any(low > high for low, high in pairwise(cuts)):
            raise Rejected.of(section.at(name), "cut points do not fall from one mark to the next", "Order them.")
        found[scales[name]] = cuts
    return found


def _annexes(section: Section) -> dict[str, str]:
    for name in section.names():
        if name not in ANNEXES:
            raise Rejected.of(section.at(name), f"an annex is one of {', '.join(ANNEXES)}", "Remove it.")
        if _SHA_256.fullmatch(section.text(name, 64)) is None:
            raise Rejected.of(section.at(name), "an annex is named by its SHA-256", "Write 64 hex digits.")
    return {name: section.text(name, 64) for name in section.names()}


def _check_cut_points(release: Release) -> None:
    derived = derive_cut_points(release)
    if not all(math.isclose(a, b, abs_tol=1e-8) for a, b in zip(derived, release.cut_points, strict=True)):
        rule = f"the cut points that follow from the thresholds are {list(derived)}"
        raise Rejected.of("/cut_points", rule, "Write these.")
