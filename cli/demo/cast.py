"""Who plays in the demonstration, and what they did: plain values, no behaviour.

Three people, as companies meet them: an experienced software engineer who moves into AI deployment, a product manager
who moves into AI roles, and a member of a structured learning programme. Everybody here is made up. The marks are
what it takes for the issuing policy to be met, or not; no threshold is lowered for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PLATFORM: Final = "Northlight Academy (sample)"
PLATFORM_HOME: Final = "https://academy.sample.example"
EMPLOYER: Final = "Harbour Logistics (sample)"
PURPOSE: Final = "Role: AI integration engineer"

CRITERIA: Final = (
    "interfaces",
    "data-flow",
    "monitoring",
    "incidents",
    "limits",
    "adoption",
    "reliability",
    "maintainability",
)
"""The criteria of the rubric deployment/1, in the order in which marks are given below."""

REVIEWERS: Final = ("Reviewer Ash (sample)", "Reviewer Birch (sample)", "Reviewer Cedar (sample)")


@dataclass(frozen=True, slots=True)
class Work:
    """A project: its title, what it is about, and a mark a criterion from each of two reviewers (0 to 5).

    reviewers: indexes into REVIEWERS. kind: which files the sample repository holds.
    """

    title: str
    topic: str
    reviewers: tuple[int, int]
    marks: tuple[tuple[int, ...], tuple[int, ...]]
    has_container: bool = True
    has_runbook: bool = True


@dataclass(frozen=True, slots=True)
class Player:
    """One of the three. lessons: (activity, scaled score) as the platform reported them, in order."""

    name: str
    headline: str
    account: str
    email: str
    lessons: tuple[tuple[str, float], ...]
    works: tuple[Work, ...]


@dataclass(frozen=True, slots=True)
class Activity:
    """An activity of the sample platform and what it is evidence for. difficulty: in logits."""

    slug: str
    name: str
    skill: str
    difficulty: float

    @property
    def iri(self) -> str:
        """The activity's id, as statements name it."""
        return f"{PLATFORM_HOME}/activities/{self.slug}"


ACTIVITIES: Final = (
    Activity("contract-tests", "Contract tests for a tool-calling API", "integration.apis", 2.0),
    Activity("retrieval-pipeline", "A retrieval pipeline that survives bad input", "integration.data-contracts", 2.5),
    Activity("drift-alarms", "Alarms for drifting inputs", "operationalization.monitoring", 2.5),
    Activity("rollback-drill", "A rollback drill against the clock", "operationalization.incidents", 3.0),
    Activity("change-brief", "A change brief for a team that never asked for it", "stakeholder-management.change", 2.0),
    Activity("health-report", "System health for owners who do not code", "stakeholder-management.limits", 2.0),
    Activity("load-shedding", "Shedding load without losing work", "scaled-deployment.reliability", 3.0),
    Activity("handover", "A service somebody else can keep running", "scaled-deployment.maintainability", 2.5),
)  # fmt: skip

ENGINEER: Final = Player(
    name="Amara Oyelaran (sample)",
    headline="Ten years of enterprise back ends, now deploying AI",
    account="learner-1041",
    email="amara@sample.example",
    lessons=(
        ("contract-tests", 0.95),
        ("retrieval-pipeline", 0.90),
        ("drift-alarms", 0.92),
        ("rollback-drill", 1.00),
        ("load-shedding", 0.97),
        ("handover", 0.94),
        ("change-brief", 0.55),
        ("health-report", 0.70),
    ),
    works=(
        Work("Invoice triage behind the existing queue", "invoice triage", (0, 1),
             ((4, 5, 4, 5, 3, 3, 5, 4), (5, 4, 5, 4, 3, 3, 5, 5))),
        Work("Support answers with a rollback in one command", "support answers", (1, 2),
             ((5, 5, 4, 4, 3, 3, 4, 5), (4, 5, 5, 5, 4, 3, 5, 4))),
        Work("Forecast service with drift alarms", "demand forecast", (0, 2),
             ((4, 4, 5, 5, 3, 4, 5, 5), (5, 4, 4, 5, 3, 3, 4, 5))),
        Work("Document search for the claims desk", "claims search", (0, 1),
             ((5, 4, 5, 4, 4, 3, 5, 4), (4, 5, 4, 5, 3, 4, 4, 5))),
    ),
)  # fmt: skip

MANAGER: Final = Player(
    name="Lucía Ferrand (sample)",
    headline="Product manager moving into AI roles",
    account="learner-2207",
    email="lucia@sample.example",
    lessons=(
        ("change-brief", 1.00),
        ("health-report", 0.98),
        ("drift-alarms", 0.60),
        ("contract-tests", 0.45),
        ("handover", 0.65),
        ("change-brief", 0.95),
        ("health-report", 1.00),
    ),
    works=(
        Work("Rolling out an assistant to forty branches", "branch assistant", (1, 2),
             ((2, 2, 3, 3, 5, 5, 2, 3), (2, 3, 3, 2, 5, 4, 2, 2)), has_container=False),
        Work("A model that was switched off, explained", "switch-off report", (0, 2),
             ((2, 2, 2, 3, 4, 5, 2, 3), (3, 2, 3, 3, 5, 5, 3, 2)), has_container=False),
        Work("Weekly health report the board reads", "health report", (0, 1),
             ((1, 2, 3, 2, 5, 5, 2, 3), (2, 2, 3, 3, 4, 5, 2, 3)), has_container=False),
    ),
)  # fmt: skip

LEARNER: Final = Player(
    name="Tomasz Brandt (sample)",
    headline="Member of a structured learning programme",
    account="learner-3316",
    email="tomasz@sample.example",
    lessons=(
        ("contract-tests", 0.80),
        ("retrieval-pipeline", 0.75),
        ("drift-alarms", 0.40),
        ("rollback-drill", 0.35),
        ("change-brief", 0.70),
        ("health-report", 0.60),
        ("load-shedding", 0.30),
        ("handover", 0.55),
        ("contract-tests", 0.90),
        ("drift-alarms", 0.85),
    ),
    works=(
        Work("Capstone: a small retrieval service", "capstone retrieval", (0, 1),
             ((3, 3, 2, 2, 2, 3, 2, 2), (3, 3, 2, 1, 2, 2, 2, 3)), has_runbook=False),
        Work("Capstone: the same service, watched", "capstone monitoring", (1, 2),
             ((3, 3, 3, 2, 3, 2, 2, 3), (3, 4, 3, 2, 2, 3, 2, 2))),
    ),
)  # fmt: skip

PLAYERS: Final = (ENGINEER, MANAGER, LEARNER)


def activity(slug: str) -> Activity:
    """Return the activity of this slug. Raises KeyError when there is none."""
    return {one.slug: one for one in ACTIVITIES}[slug]


def alignments_csv() -> str:
    """Return the alignments of the sample platform as the CSV that is uploaded."""
    lines = ["activity_id,skill,difficulty,assurance"]
    lines += [f"{one.iri},{one.skill},{one.difficulty},automated-check" for one in ACTIVITIES]
    return "\n".join(lines) + "\n"
