"""Frameworks of organisations: what is taken, what is refused and where, and what a later version may not do."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.skill_inference.domain.alignment import Alignment
from services.skill_inference.domain.case_framework import CaseReading, parse_case_framework
from services.skill_inference.domain.case_package import framework_package
from services.skill_inference.domain.framework_succession import changes_of, hints, succeed
from services.skill_inference.domain.observation import Assurance
from services.skill_inference.domain.organisation_framework import (
    FAULTS_MAX,
    OrganisationFramework,
    ReadFramework,
    TheirLevel,
    check_slug,
)
from services.skill_inference.domain.organisation_framework_json import framework_json, parse_framework_json
from services.skill_inference.domain.skill_names import SkillNames
from services.skill_inference.domain.their_names import TheirNames, their_iri
from shared.kernel.errors import Rejected
from tests.unit.skill_inference.people import APIS, DRIFT, framework

ORIGIN = "https://deedlog.example"
ORGANISATION = "org_1"
NAMES = SkillNames(framework(), ORIGIN)
QUIZ = "https://lms.example/quiz/7"
ESCO = {"scheme": "ESCO", "identifier": "http://data.europa.eu/esco/skill/x", "label": "x", "relation": "exact"}

DOCUMENT: dict[str, Any] = {
    "name": "Acme skills",
    "language": "en-GB",
    "rights": "ours",
    "licence": "https://acme.example/licence",
    "groups": [{"id": "ops", "name": "Operations"}],
    "levels": [{"name": "learner", "ours": 0}, {"name": "fellow", "ours": 2}, {"name": "master", "ours": 4}],
    "skills": [
        {
            "id": "A 1",
            "name": "Watching models age",
            "description": "Notices that a model in use meets data it was not made for.",
            "group": "ops",
            "anchors": ["Helps to watch.", "Watches alone.", "Has others watch."],
            "mapping": [{"skill": DRIFT, "relation": "close"}],
        },
        {
            "id": "A/2",
            "name": "Forecasting for plants",
            "description": "Makes forecasts of harvests that growers rely on.",
            "mapping": [{"skill": APIS, "relation": "related"}],
            "alignments": [ESCO],
        },
    ],
}


def read(**changes: Any) -> ReadFramework:
    return parse_framework_json(deepcopy(DOCUMENT) | changes, NAMES)


def with_(value: Any, *path: Any) -> Any:
    document = deepcopy(DOCUMENT)
    *way, last = path
    place: Any = document
    for step in way:
        place = place[step]
    place[last] = value
    return document


def faults(document: Any) -> list[str]:
    with pytest.raises(Rejected) as refusal:
        parse_framework_json(document, NAMES)
    assert all(fault.rule and fault.mend for fault in refusal.value.faults)
    return [fault.pointer for fault in refusal.value.faults]


def test_what_is_written_of_a_framework_is_read_as_the_same() -> None:
    first = read().framework
    assert framework_json(first) == DOCUMENT
    assert parse_framework_json(framework_json(first), NAMES).framework == first


@pytest.mark.parametrize(
    ("pointer", "document"),
    [
        ("/name", with_("", "name")),
        ("/name", with_("Acme\0skills", "name")),
        ("/nmae", with_("x", "nmae")),
        ("/rights", with_("found", "rights")),
        ("/rights", with_("SFIA 9 in our words", "name")),
        ("/language", with_("English!", "language")),
        ("/levels", with_([{"name": "all", "ours": 3}], "levels")),
        ("/levels", with_([{"name": str(number), "ours": 3} for number in range(11)], "levels")),
        ("/levels/0/ours", with_(6, "levels", 0, "ours")),
        ("/levels/1/ours", with_(2.5, "levels", 1, "ours")),
        ("/levels/2/ours", with_(1, "levels", 2, "ours")),
        ("/skills/1/id", with_("A 1", "skills", 1, "id")),
        ("/skills/1/id", with_("x" * 81, "skills", 1, "id")),
        ("/skills/0/description", with_("x" * 2_001, "skills", 0, "description")),
        ("/skills/0/anchors", with_(["One.", "Two."], "skills", 0, "anchors")),
        ("/skills/0/mapping/0/skill", with_("integration.magic", "skills", 0, "mapping", 0, "skill")),
        ("/skills/0/mapping/0/relation", with_("same", "skills", 0, "mapping", 0, "relation")),
        ("/skills/0/mapping", with_([{"skill": DRIFT, "relation": "broad"}] * 2, "skills", 0, "mapping")),
        ("/skills/0/replaced_by", with_("A3", "skills", 0, "replaced_by")),
        ("", with_([], "skills")),
    ],
)
def test_a_faulty_framework_is_refused_with_the_pointer_to_its_fault(pointer: str, document: Any) -> None:
    assert pointer in faults(document)


def test_evidence_may_not_go_to_two_of_ours() -> None:
    two = [{"skill": DRIFT, "relation": "exact"}, {"skill": APIS, "relation": "close"}]
    assert faults(with_(two, "skills", 0, "mapping")) == ["/skills/0/mapping"]


def test_every_fault_is_counted_and_the_first_hundred_are_named() -> None:
    skills = [{"id": str(number), "name": "x"} for number in range(FAULTS_MAX + 20)]
    with pytest.raises(Rejected, match=f"{FAULTS_MAX + 20 + 1} faults") as refusal:
        parse_framework_json(with_(skills, "skills"), NAMES)
    assert len(refusal.value.faults) == FAULTS_MAX


@pytest.mark.parametrize("slug", ["Acme", "acme_skills", "", "integration", "a" * 81, "a--b", "acme/x"])
def test_a_framework_has_a_name_that_stands_in_addresses_and_is_no_layer_of_ours(slug: str) -> None:
    with pytest.raises(Rejected, match="slug"):
        check_slug(slug)


def test_only_exact_and_close_make_a_skill_another_name_of_ours() -> None:
    skills = read().framework.skills
    assert (skills["A 1"].ours, skills["A/2"].ours) == (DRIFT, None)


# Levels


@given(st.lists(st.integers(0, 5), min_size=2, max_size=10).map(sorted))
def test_a_level_of_theirs_is_shown_for_its_own_image_or_a_later_one_with_the_same(images: list[int]) -> None:
    levels = tuple(TheirLevel(str(number), ours) for number, ours in enumerate(images))
    scale = OrganisationFramework("x", "en", "ours", levels=levels)
    for number in range(1, len(images) + 1):
        shown = scale.their_level(scale.our_level(number))
        assert shown >= number
        assert scale.our_level(shown) == scale.our_level(number)
    merged = {number for numbers in scale.merged_levels() for number in numbers}
    assert merged == {number for number, ours in enumerate(images, 1) if images.count(ours) > 1}


def test_without_levels_of_their_own_ours_are_used() -> None:
    scale = OrganisationFramework("x", "en", "ours")
    assert [scale.our_level(number) for number in range(1, 6)] == [1, 2, 3, 4, 5]
    assert scale.merged_levels() == ()


# Versions


def test_what_a_version_leaves_out_is_retired_and_keeps_its_mapping() -> None:
    before = read().framework
    after = succeed(read(skills=DOCUMENT["skills"][1:]), before, is_meaning_kept=False)
    assert after.retired["A 1"].ours == DRIFT
    assert changes_of(after, before).retired == ("A 1",)
    later = succeed(read(skills=DOCUMENT["skills"][1:]), after, is_meaning_kept=False)
    assert later.retired == after.retired


def test_a_retired_skill_can_name_what_took_its_place_and_come_back() -> None:
    before = read().framework
    retired = [DOCUMENT["skills"][0] | {"replaced_by": "A/2"}]
    after = succeed(read(skills=DOCUMENT["skills"][1:], retired=retired), before, is_meaning_kept=False)
    assert after.retired["A 1"].replaced_by == "A/2"
    assert succeed(read(), after, is_meaning_kept=False).retired == {}


def test_an_id_under_other_words_is_refused_unless_its_meaning_is_said_to_be_kept() -> None:
    before = read().framework
    other = DOCUMENT["skills"][0] | {"name": "Cooking", "description": "Prepares meals for a crowd."}
    anew = read(skills=[other, DOCUMENT["skills"][1]])
    with pytest.raises(Rejected, match="words") as refusal:
        succeed(anew, before, is_meaning_kept=False)
    assert [fault.pointer for fault in refusal.value.faults] == ["/skills/0"]
    after = succeed(anew, before, is_meaning_kept=True)
    assert changes_of(after, before).reworded == ("A 1",)
    reworded = DOCUMENT["skills"][0] | {"name": "Seeing models age"}
    assert succeed(read(skills=[reworded, DOCUMENT["skills"][1]]), before, is_meaning_kept=False).retired == {}


def test_nothing_is_retired_that_never_was() -> None:
    with pytest.raises(Rejected, match="/retired/0"):
        succeed(read(skills=DOCUMENT["skills"][1:], retired=DOCUMENT["skills"][:1]), None, is_meaning_kept=False)


def test_the_same_foreign_concept_suggests_a_mapping_and_takes_none() -> None:
    exact = next(
        (skill.id, one.identifier)
        for skill in framework().skills.values()
        for one in skill.alignments
        if one.relation == "exact"
    )
    theirs = parse_framework_json(with_([ESCO | {"identifier": exact[1]}], "skills", 1, "alignments"), NAMES).framework
    assert [(hint.skill, hint.ours) for hint in hints(theirs, framework())] == [("A/2", exact[0])]
    assert theirs.skills["A/2"].ours is None


# Names in alignments


def test_alignments_may_name_what_is_another_name_of_ours_and_nothing_else() -> None:
    names = TheirNames(NAMES, ORIGIN, ORGANISATION, {"acme": read().framework})
    assert names.ours == {"acme:A 1": DRIFT}
    assert names.skills(their_iri(ORIGIN, ORGANISATION, "acme", "A 1")) == ("acme:A 1",)
    assert names.skills(their_iri(ORIGIN, ORGANISATION, "acme", "A/2")) == ()
    assert names.skills(DRIFT) == (DRIFT,)


def test_two_names_of_one_skill_are_one_row_of_both_weights() -> None:
    names = TheirNames(NAMES, ORIGIN, ORGANISATION, {"acme": read().framework})
    row = Alignment(QUIZ, "acme:A 1", 0.0, Assurance.AUTOMATED_CHECK, 2.0)
    (found,) = names.translated([row, row._replace(skill=DRIFT, weight=1.0)])
    assert found == row._replace(skill=DRIFT, weight=3.0)


def test_what_is_retired_is_named_only_in_tables_from_before() -> None:
    whole = succeed(read(skills=DOCUMENT["skills"][1:]), read().framework, is_meaning_kept=False)
    assert TheirNames(NAMES, ORIGIN, ORGANISATION, {"acme": whole}).ours == {}
    kept = TheirNames(NAMES, ORIGIN, ORGANISATION, {"acme": whole}, with_retired=True)
    assert kept.ours == {"acme:A 1": DRIFT}


# CASE


def package() -> Any:
    """A package as another tool might write it: two skills under a group, a rubric, three associations."""
    return {
        "CFDocument": {"title": "Acme skills", "creator": "Acme", "language": "en"},
        "CFItems": [
            case_item("g", "Operations", None),
            case_item("a", "Watching", "A1"),
            case_item("b", "Baking", "B1"),
        ],
        "CFAssociations": [
            association("isChildOf", uri("a"), uri("g")),
            association("isChildOf", uri("b"), uri("g")),
            association("exactMatchOf", uri("a"), f"{ORIGIN}/v1/framework/skills/{DRIFT}"),
            association("isRelatedTo", f"{ORIGIN}/v1/framework/skills/{APIS}", uri("b")),
            association("exactMatchOf", uri("b"), ESCO["identifier"]),
            association("precedes", uri("a"), uri("b")),
        ],
        "CFRubrics": [
            {"CFRubricCriteria": [{"CFItemURI": {"uri": uri("a")}, "CFRubricCriterionLevels": [level(2), level(1)]}]}
        ],
    }


def uri(name: str) -> str:
    return f"https://acme.example/items/{name}"


def case_item(name: str, title: str, code: str | None) -> dict[str, Any]:
    item = {
        "identifier": f"id-{name}",
        "uri": uri(name),
        "abbreviatedStatement": title,
        "fullStatement": f"{title} it.",
    }
    return item if code is None else item | {"humanCodingScheme": code}


def association(kind: str, origin: str, destination: str) -> dict[str, Any]:
    return {"associationType": kind, "originNodeURI": {"uri": origin}, "destinationNodeURI": {"uri": destination}}


def level(position: int) -> dict[str, Any]:
    return {"quality": f"step {position}", "description": f"Does {position}.", "position": position}


def case_faults(document: Any, reading: CaseReading | None = None) -> list[str]:
    with pytest.raises(Rejected) as refusal:
        parse_case_framework(document, NAMES, reading or CaseReading("ours", (1, 3)))
    return [fault.pointer for fault in refusal.value.faults]


def test_a_package_brings_skills_groups_levels_and_anchors() -> None:
    found = parse_case_framework(package(), NAMES, CaseReading("ours", (1, 3)))
    whole = found.framework
    assert [(one.id, one.group, one.ours) for one in whole.skills.values()] == [
        ("A1", "id-g", DRIFT),
        ("B1", "id-g", None),
    ]
    assert whole.levels == (TheirLevel("step 1", 1), TheirLevel("step 2", 3))
    assert whole.skills["A1"].anchors == ("Does 1.", "Does 2.")
    assert found.passed_over == 1
    assert parse_framework_json(framework_json(whole), NAMES).framework == whole


def test_a_relation_is_read_as_close_only_where_the_sender_says_so() -> None:
    found = parse_case_framework(package(), NAMES, CaseReading("ours", (1, 3), is_related_close=True))
    assert found.framework.skills["B1"].ours == APIS


def test_a_skill_is_also_named_by_the_uri_of_its_item() -> None:
    whole = parse_case_framework(package(), NAMES, CaseReading("ours", (1, 3))).framework
    assert TheirNames(NAMES, ORIGIN, ORGANISATION, {"acme": whole}).skills(uri("a")) == ("acme:A1",)


def test_our_own_export_is_read_as_a_framework_whose_levels_are_told() -> None:
    exported = framework_package(framework(), "https://elsewhere.example")
    found = parse_case_framework(exported, NAMES, CaseReading("licensed", (1, 2, 3, 4, 5)))
    assert list(found.framework.skills) == list(framework().skills)
    assert all(skill.anchors == framework().skills[id_].anchors for id_, skill in found.framework.skills.items())


@pytest.mark.parametrize(
    ("pointer", "path", "value"),
    [
        ("/CFItems/1", ("CFItems", 1, "identifier"), "id-g"),
        ("/CFItems/2", ("CFItems", 2, "humanCodingScheme"), "A1"),
        ("/CFItems/0", ("CFItems", 0, "fullStatement"), "x" * 2_001),
        ("/CFItems/0", ("CFItems", 0), 7),
        ("/CFDocument/title", ("CFDocument", "title"), ""),
        ("/CFAssociations/2", ("CFAssociations", 2, "destinationNodeURI", "uri"), "https://nobody.example/x"),
        ("/CFAssociations/3", ("CFAssociations", 3, "destinationNodeURI", "uri"), "https://nobody.example/x"),
        ("/CFAssociations/0", ("CFAssociations", 0, "originNodeURI"), {}),
        ("/CFRubrics", ("CFRubrics",), {}),
        (
            "/CFRubrics/0/CFRubricCriteria/0/CFRubricCriterionLevels",
            ("CFRubrics", 0, "CFRubricCriteria", 0, "CFRubricCriterionLevels", 0, "position"),
            1,
        ),
    ],
)
def test_a_faulty_package_is_refused_with_the_pointer_to_its_fault(pointer: str, path: Any, value: Any) -> None:
    document = package()
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert pointer in case_faults(document)


def test_a_tree_that_leads_round_is_refused() -> None:
    document = package()
    document["CFAssociations"].append(association("isChildOf", uri("g"), uri("a")))
    assert "/CFItems/0" in case_faults(document)


def test_the_images_of_levels_are_told_and_never_guessed() -> None:
    assert case_faults(package(), CaseReading("ours")) == ["levels"]
    assert case_faults(package(), CaseReading("ours", (3, 1))) == ["/levels/1/ours"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["CFItems", "CFAssociations", "CFRubrics", "uri", "identifier", "skills", "name"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_is_sent_is_a_framework_or_refused(document: Any) -> None:
    with pytest.raises(Rejected):
        parse_framework_json(document, NAMES)
    with pytest.raises(Rejected):
        parse_case_framework(document, NAMES, CaseReading("ours"))
