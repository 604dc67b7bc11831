"""Alignments as associations of CASE 1.1 (1EdTech Competencies and Academic Standards Exchange).

An association joins two nodes by their URIs: here an activity, and a skill by its IRI or by a foreign concept that the
framework aligns to it. `isRelatedTo` and `exemplar` say that one is evidence of the other, and are taken either way
round, for tools disagree on which end an exemplar is. Other types build a framework's tree and are passed over and
counted, and so is what joins two skills. CASE knows neither difficulty nor assurance, so the sender names one for all.

The form is not ours: members that are not read here are left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from services.skill_inference.domain.alignment import Alignment, AlignmentTable, Gathering, Problem, checked
from services.skill_inference.domain.observation import Assurance
from shared.kernel.canonical_json import JsonValue
from shared.kernel.errors import Rejected

MEMBER: Final = "CFAssociations"
"""By this member a CASE package, or a set of associations, is known."""
TYPES: Final = frozenset({"isRelatedTo", "exemplar"})
"""Association types that say that an activity shows a skill."""

_ORIGIN: Final = "originNodeURI"
_DESTINATION: Final = "destinationNodeURI"


class Reading(NamedTuple):
    """How the results of every activity in the associations are read."""

    difficulty: float
    assurance: Assurance


class Names(Protocol):
    """What skills are called."""

    def skills(self, name: str) -> tuple[str, ...]:
        """Return the skills that `name` stands for: none where it is no name, several where it does not decide."""
        ...


def is_case(document: JsonValue) -> bool:
    """Say whether this JSON document holds CASE associations."""
    return isinstance(document, Mapping) and MEMBER in document


def parse_associations(document: JsonValue, names: Names, reading: Reading) -> AlignmentTable:
    """Return the alignments that the associations name, each pair of activity and skill once.

    Raises Rejected beyond FAULTS_MAX faults, and where no association says that an activity shows a skill: it would
    put an empty table into force.
    """
    associations = document.get(MEMBER) if isinstance(document, Mapping) else None
    if not isinstance(associations, list):
        raise Rejected.of(f"/{MEMBER}", "expected a list", "Send a CASE package or a set of associations.")
    gathering, known, passed_over = Gathering(), set(), 0
    for index, association in enumerate(associations):
        found = _pair(association, names)
        if found is None or found[:2] in known:
            passed_over += 1
        elif isinstance(found, Problem):
            gathering.take(found, f"/{MEMBER}/{index}")
        else:
            known.add(found[:2])
            gathering.take(_row(found, reading), f"/{MEMBER}/{index}")
    table = gathering.table(passed_over)
    if not table.rows and not table.faults:
        rule = f"no association of type {' or '.join(sorted(TYPES))} joins an activity and a skill"
        raise Rejected.of(f"/{MEMBER}", rule, "Send at least one, or an empty CSV table to align nothing.")
    return table


class _Pair(NamedTuple):
    activity: str
    skill: str
    end: str


def _pair(association: JsonValue, names: Names) -> _Pair | Problem | None:
    """Return which activity shows which skill; None where the association says nothing of that."""
    if not isinstance(association, Mapping):
        return Problem("", "this is no JSON object", "Write a CFAssociation.")
    kind = association.get("associationType")
    if not isinstance(kind, str):
        return Problem("associationType", "expected a text", "Write an association type of CASE.")
    if kind not in TYPES:
        return None
    origin, destination = _uri(association.get(_ORIGIN)), _uri(association.get(_DESTINATION))
    if origin is None or destination is None:
        return Problem(f"{_ORIGIN if origin is None else _DESTINATION}/uri", "expected a text", "Write the node's URI.")
    ends = {_ORIGIN: names.skills(origin), _DESTINATION: names.skills(destination)}
    if all(ends.values()):
        return None
    end = _ORIGIN if ends[_ORIGIN] else _DESTINATION
    skills = ends[end]
    if not skills:
        rule = "neither node is a skill of the framework, nor a concept that it aligns to one"
        return Problem(f"{end}/uri", rule, "Write the IRI of a skill; GET /v1/skills lists them.")
    if len(skills) > 1:
        rule = f"this concept lies equally near to {', '.join(skills)}"
        return Problem(f"{end}/uri", rule, "Write the IRI of the one skill that is meant.")
    activity, other = (destination, _DESTINATION) if end == _ORIGIN else (origin, _ORIGIN)
    return _Pair(activity.strip(), skills[0], other)


def _uri(node: JsonValue | None) -> str | None:
    uri = node.get("uri") if isinstance(node, Mapping) else None
    return uri if isinstance(uri, str) else None


def _row(pair: _Pair, reading: Reading) -> Alignment | Problem:
    found = checked(pair.activity, pair.skill, reading.difficulty, reading.assurance, 1.0, (pair.skill,))
    return found._replace(member=f"{pair.end}/uri") if isinstance(found, Problem) else found
