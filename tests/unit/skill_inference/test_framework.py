from __future__ import annotations

import json
from typing import Any

import pytest

from services.skill_inference import parameters
from services.skill_inference.domain.framework import LAYERS, framework_iri, level_iri, parse_framework, skill_iri
from shared.kernel.errors import Rejected
from tests.unit.skill_inference.people import framework


def test_every_layer_has_three_skills_or_more() -> None:
    assert all(len(framework().skills_of(layer)) >= 3 for layer in LAYERS)


def test_the_five_levels_are_named_for_autonomy_and_scope() -> None:
    assert [level.name for level in framework().levels] == [
        "assisted",
        "guided",
        "independent",
        "leads",
        "sets practice",
    ]


def test_a_skill_keeps_its_iri_over_versions_of_the_framework() -> None:
    assert skill_iri("https://deedlog.example/", "integration.apis") == (
        "https://deedlog.example/v1/framework/skills/integration.apis"
    )


def test_a_level_iri_lies_under_its_skill_and_the_skill_under_the_framework() -> None:
    level = level_iri("https://deedlog.example", "integration.apis", 3)
    assert level == skill_iri("https://deedlog.example", "integration.apis") + "/levels/3"
    assert level.startswith(framework_iri("https://deedlog.example") + "/")


def test_foreign_schemes_are_acknowledged_with_the_version_the_alignments_were_made_against() -> None:
    schemes = {scheme.id: scheme for scheme in framework().schemes}
    assert [(id_, scheme.version) for id_, scheme in schemes.items()] == [("ESCO", "1.2"), ("O*NET", "30.3")]
    assert "European Commission" in schemes["ESCO"].acknowledgement
    assert "O*NET" in schemes["O*NET"].acknowledgement


def test_every_alignment_to_esco_is_the_uri_of_a_skill() -> None:
    concepts = [each for skill in framework().skills.values() for each in skill.alignments if each.scheme == "ESCO"]
    assert concepts
    assert all(concept.identifier.startswith("http://data.europa.eu/esco/skill/") for concept in concepts)


def _document() -> Any:
    return json.loads(parameters.framework_document())


def _without(document: Any, *path: Any) -> Any:
    *way, last = path
    place = document
    for step in way:
        place = place[step]
    del place[last]
    return document


def _with(document: Any, value: Any, *path: Any) -> Any:
    *way, last = path
    place = document
    for step in way:
        place = place[step]
    place[last] = value
    return document


@pytest.mark.parametrize(
    ("pointer", "document"),
    [
        ("/version", _without(_document(), "version")),
        ("/vesion", _with(_document(), "1", "vesion")),
        ("/layers", _without(_document(), "layers", 1)),
        ("/levels", _without(_document(), "levels", 4)),
        ("/levels/0/number", _with(_document(), 6, "levels", 0, "number")),
        ("/skills", _with(_document(), {}, "skills")),
        ("/skills/1", _with(_document(), "apis", "skills", 1)),
        ("/skills/1/id", _with(_document(), "integration.apis", "skills", 1, "id")),
        ("/skills/0/id", _with(_document(), "operationalization.apis", "skills", 0, "id")),
        ("/skills/0/name", _with(_document(), "", "skills", 0, "name")),
        ("/skills/0/alignments/0/relation", _with(_document(), "same", "skills", 0, "alignments", 0, "relation")),
        ("/skills/0/alignments", _with(_document(), "NICE", "skills", 0, "alignments", 0, "scheme")),
        ("", []),
    ],
)
def test_a_faulty_framework_is_refused_with_the_pointer_to_its_fault(pointer: str, document: Any) -> None:
    with pytest.raises(Rejected) as refusal:
        parse_framework(json.dumps(document).encode())
    assert refusal.value.faults[0].pointer == pointer
