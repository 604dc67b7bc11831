"""A profile as its page shows it, made from what the APIs answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.console.domain import words
from services.console.domain.level_scale import Bar, LevelScale, Zone, level_words, scale_of

Json = Mapping[str, Any]
LEVELS_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Framework:
    """Names of skills, layers and levels by their ids; empty where the framework did not answer."""

    skills: Mapping[str, str]
    layers: Mapping[str, str]
    levels: Mapping[int, tuple[str, str]]

    @classmethod
    def read(cls, document: Json | None) -> Framework:
        """Return the names in a framework's document."""
        document = document or {}
        return cls(
            {one["id"]: one["name"] for one in document.get("skills", ())},
            {one["id"]: one["name"] for one in document.get("layers", ())},
            {one["number"]: (one["name"], one["anchor"]) for one in document.get("levels", ())},
        )

    def layer_order(self) -> list[str]:
        """Return the layers as the framework orders them."""
        return list(self.layers)


@dataclass(frozen=True, slots=True)
class Chance:
    """The chance that a level is reached; `width` in percent of its bar."""

    level: int
    text: str
    width: float


@dataclass(frozen=True, slots=True)
class SkillCard:
    """One skill."""

    id: str
    name: str
    level: int
    level_title: str
    level_name: str
    anchor: str
    span: str
    bar: Bar
    zones: Sequence[Zone]
    chances: Sequence[Chance]
    evidence: str
    assurance: str
    newest: str
    newest_at: str
    release: str
    description: str


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer and its skills."""

    id: str
    name: str
    skills: Sequence[SkillCard]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of evidence."""

    grade: str
    grade_words: str
    kind: str
    summary: str
    day: str
    at: str


@dataclass(frozen=True, slots=True)
class Work:
    """A project with the evidence and the marks it brought."""

    id: str
    title: str
    share: str
    evidence: Sequence[Evidence]
    reviews: Sequence[Json]


@dataclass(frozen=True, slots=True)
class CredentialRow:
    """A credential."""

    id: str
    skill: str
    level: str
    day: str
    at: str
    state: str
    is_revoked: bool


@dataclass(frozen=True, slots=True)
class ProfilePage:
    """All of the page. grades: how much evidence there is of each grade, with the grade's meaning."""

    person: str
    version: int
    is_own: bool
    name: str | None
    layers: Sequence[Layer]
    grades: Sequence[tuple[str, str, int]]
    works: Sequence[Work]
    is_evidence_shown: bool
    credentials: Sequence[CredentialRow]
    statements: str
    last_learned: str | None

    @property
    def skill_count(self) -> int:
        """How many skills there is an estimate of."""
        return sum(len(layer.skills) for layer in self.layers)


def profile_page(
    profile: Json, framework: Framework, cut_points: Mapping[str, Sequence[float] | None], name: str | None
) -> ProfilePage:
    """Return the page of a profile. cut_points: of each release the profile names, None where it is not known."""
    scales = {release: scale_of(cuts) for release, cuts in cut_points.items()}
    learning = profile["learning"]
    grades = profile["evidence_grades"]
    return ProfilePage(
        person=profile["person"],
        version=profile["version"],
        is_own=profile["grant"] is None,
        name=name,
        layers=_layers(profile["skills"], framework, scales),
        grades=[(grade, meaning, grades.get(grade, 0)) for grade, meaning in words.GRADES.items()],
        works=_works(profile),
        is_evidence_shown=bool(profile["evidence"]) or not sum(grades.values()),
        credentials=[_credential(one, framework) for one in profile["credentials"]],
        statements=words.count(learning["statements"], "statement"),
        last_learned=learning["last_at"],
    )


def _layers(skills: Sequence[Json], framework: Framework, scales: Mapping[str, LevelScale]) -> list[Layer]:
    found = list(dict.fromkeys(one["layer"] for one in skills))
    order = [layer for layer in framework.layer_order() if layer in found]
    return [
        Layer(
            layer,
            framework.layers.get(layer, _plain(layer)),
            [_card(one, framework, scales[one["release"]]) for one in skills if one["layer"] == layer],
        )
        for layer in [*order, *(layer for layer in found if layer not in order)]
    ]


def _card(one: Json, framework: Framework, scale: LevelScale) -> SkillCard:
    estimate, evidence, level = one["estimate"], one["evidence"], one["level"]
    interval = estimate["interval"]
    name = framework.skills.get(one["skill"], _plain(one["skill"]))
    level_name, anchor = framework.levels.get(level, ("", ""))
    span = scale.span(interval["low"], interval["high"])
    chances = [
        Chance(chance["level"], words.percent(chance["at_least"]), round(100 * chance["at_least"], 1))
        for chance in one["level_probabilities"][:LEVELS_MAX]
    ]
    return SkillCard(
        id=one["skill"],
        name=name,
        level=level,
        level_title=level_words(level).capitalize(),
        level_name=level_name,
        anchor=anchor,
        span=span,
        bar=scale.bar(interval["low"], estimate["mean"], interval["high"]),
        zones=scale.zones(),
        chances=chances,
        evidence=_evidence_words(evidence),
        assurance=words.listed([_assurance(kind, number) for kind, number in evidence["assurance_mix"].items()]),
        newest=words.day(one["last_evidence_at"]),
        newest_at=one["last_evidence_at"],
        release=one["release"],
        description=f"{name}: {level_words(level)} most likely; 90 percent interval {span}.",
    )


def _evidence_words(evidence: Json) -> str:
    parts = [
        words.count(evidence["observations"], "observation"),
        words.count(evidence["works"], "work"),
        words.count(evidence["raters"], "reviewer"),
    ]
    if evidence["has_deployment_attestation"]:
        parts.append("an attested deployment")
    return words.listed(parts)


def _assurance(kind: str, number: int) -> str:
    return f"{number:,} {words.ASSURANCES.get(kind, _plain(kind).lower())}"


def _works(profile: Json) -> list[Work]:
    """Return the projects, newest first, each with what belongs to it; what names no project we know comes last."""
    titles = {one["id"]: one["title"] for one in profile["projects"]}
    shares = {one["project"]: one["authorship_share"] for one in reversed(profile["submissions"])}
    named = [*profile["evidence"], *profile["reviews"]]
    order = list(dict.fromkeys([*titles, *(one["project"] for one in named)]))
    return [
        Work(
            id=project,
            title=titles.get(project, "A project"),
            share=words.percent(shares[project]) if project in shares else "",
            evidence=[_evidence(one) for one in profile["evidence"] if one["project"] == project],
            reviews=[_review(one) for one in profile["reviews"] if one["project"] == project],
        )
        for project in order
    ]


def _evidence(one: Json) -> Evidence:
    return Evidence(
        grade=one["grade"],
        grade_words=words.GRADES.get(one["grade"], ""),
        kind=words.kind_name(one["kind"]),
        summary=one["summary"],
        day=words.day(one["occurred_at"]),
        at=one["occurred_at"],
    )


def _review(one: Json) -> Json:
    return {
        "reviewer": words.short(one["reviewer"]),
        "day": words.day(one["occurred_at"]),
        "at": one["occurred_at"],
        "rubric": one["rubric"],
        "marks": [
            {"criterion": _plain(mark["criterion"]), "value": mark["value"], "scale_max": mark["scale_max"]}
            for mark in one["marks"]
        ],
    }


def _credential(one: Json, framework: Framework) -> CredentialRow:
    level = one["level"]
    level_name = framework.levels.get(level, ("", ""))[0]
    return CredentialRow(
        id=one["id"],
        skill=framework.skills.get(one["skill"], _plain(one["skill"])),
        level=f"{level} · {level_name}" if level_name else str(level),
        day=words.day(one["issued_at"]),
        at=one["issued_at"],
        state=f"revoked {words.day(one['revoked_at'])}" if one["is_revoked"] else "not revoked",
        is_revoked=one["is_revoked"],
    )


def _plain(identifier: str) -> str:
    """Return an identifier fit to be read where no name is known."""
    return identifier.rpartition(".")[2].replace("-", " ").replace("_", " ").capitalize()
