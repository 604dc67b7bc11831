"""Role profiles: what roles ask for, as data."""

from __future__ import annotations

import json
import math
from itertools import combinations
from typing import Any

import pytest

from services.skill_inference.domain.framework import LAYERS, parse_framework
from services.skill_inference.domain.roles import WEIGHT_MAX, Role, parse_roles
from services.skill_inference.parameters import framework_document, roles_document
from shared.kernel.errors import Rejected

FRAMEWORK = parse_framework(framework_document())
ROLES = parse_roles(roles_document(), FRAMEWORK)
ALL = list(ROLES.roles.values())


def test_the_three_archetypes_and_five_roles_are_there() -> None:
    assert [role.id for role in ALL if role.kind == "archetype"] == ["inventor", "integrator", "operator"]
    assert sum(role.kind == "role" for role in ALL) >= 5


@pytest.mark.parametrize("role", ALL, ids=lambda role: role.id)
def test_a_role_has_three_to_eight_decisive_skills(role: Role) -> None:
    assert 3 <= sum(one.weight == WEIGHT_MAX for one in role.demands) <= 8


@pytest.mark.parametrize("role", ALL, ids=lambda role: role.id)
def test_a_role_asks_for_skills_of_three_layers_or_more(role: Role) -> None:
    assert len({FRAMEWORK.skills[one.skill].layer for one in role.demands}) >= len(LAYERS) - 1


@pytest.mark.parametrize("role", ALL, ids=lambda role: role.id)
def test_what_a_role_asks_for_at_level_three_or_above_it_is_prepared_for(role: Role) -> None:
    targets = {one.skill: one.target for one in role.demands}
    for one in role.demands:
        if one.target >= 3:
            for before in FRAMEWORK.skills[one.skill].prerequisites:
                assert targets.get(before, 0) >= one.target - 1, (one.skill, before)


@pytest.mark.parametrize("role", ALL, ids=lambda role: role.id)
def test_no_role_asks_for_practice_to_be_set(role: Role) -> None:
    assert max(one.target for one in role.demands) <= 4


def _vector(role: Role) -> dict[str, float]:
    return {one.skill: one.target * one.weight for one in role.demands}


def _likeness(one: Role, other: Role) -> float:
    a, b = _vector(one), _vector(other)
    product = math.fsum(a[skill] * b.get(skill, 0.0) for skill in sorted(a))
    return product / math.hypot(*a.values()) / math.hypot(*b.values())


def test_no_two_roles_ask_for_nearly_the_same() -> None:
    assert max(_likeness(one, other) for one, other in combinations(ALL, 2)) < 0.9


def _document() -> Any:
    return json.loads(roles_document())


def _with(value: Any, *path: Any) -> Any:
    document = _document()
    *way, last = path
    place = document
    for step in way:
        place = place[step]
    place[last] = value
    return document


@pytest.mark.parametrize(
    ("pointer", "document"),
    [
        ("/framework", _with("1", "framework")),
        ("/published", _with("today", "published")),
        ("/roles/1/id", _with("inventor", "roles", 1, "id")),
        ("/roles/0/id", _with("Inventor", "roles", 0, "id")),
        ("/roles/0/kind", _with("job", "roles", 0, "kind")),
        ("/roles/0/skills", _with([], "roles", 0, "skills")),
        ("/roles/0/skills/0/skill", _with("integration.magic", "roles", 0, "skills", 0, "skill")),
        ("/roles/0/skills/0/target", _with(6, "roles", 0, "skills", 0, "target")),
        ("/roles/0/skills/0/target", _with(2.5, "roles", 0, "skills", 0, "target")),
        ("/roles/0/skills/0/weight", _with(0, "roles", 0, "skills", 0, "weight")),
        ("/roles/0/alignments", _with("SFIA", "roles", 0, "alignments", 0, "scheme")),
        ("/schemes/0/iri_template", _with("https://x.example/", "schemes", 0, "iri_template")),
    ],
)
def test_faulty_roles_are_refused_with_the_pointer_to_the_fault(pointer: str, document: Any) -> None:
    with pytest.raises(Rejected) as refusal:
        parse_roles(json.dumps(document).encode(), FRAMEWORK)
    assert refusal.value.faults[0].pointer == pointer
