"""What was done to what: verbs, Activities, interactions, SubStatements, references (part 2, 2.4.3 and 2.4.4)."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.conformance.xapi.lrs import Lrs, case
from tests.conformance.xapi.statements import (
    ACTIVITY_PLACES,
    ADA,
    ANSWERED,
    QUESTION,
    REFERENCE,
    SOME_ID,
    STATEMENT_PLACES,
    TEAM,
    VOIDED,
    changed,
    defined,
    nested,
    stating,
    without,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

INTERACTIONS: Final[dict[str, dict[str, Any]]] = {
    "true-false": {"correctResponsesPattern": ["true"]},
    "choice": {"correctResponsesPattern": ["a[,]b"], "choices": [{"id": "a"}, {"id": "b", "description": {"en": "B"}}]},
    "fill-in": {"correctResponsesPattern": ["answer"]},
    "long-fill-in": {"correctResponsesPattern": ["{case_matters=false}{lang=en}an answer"]},
    "matching": {"correctResponsesPattern": ["a[.]1"], "source": [{"id": "a"}], "target": [{"id": "1"}]},
    "performance": {"correctResponsesPattern": ["walk[.]1:"], "steps": [{"id": "walk"}]},
    "sequencing": {"correctResponsesPattern": ["a[,]b"], "choices": [{"id": "a"}, {"id": "b"}]},
    "likert": {"correctResponsesPattern": ["often"], "scale": [{"id": "often", "description": {"en": "often"}}]},
    "numeric": {"correctResponsesPattern": ["4[:]6"]},
    "other": {"correctResponsesPattern": ["(35.9,-86.7)"]},
}
LISTS: Final = {
    "choices": "choice",
    "scale": "likert",
    "source": "matching",
    "target": "matching",
    "steps": "performance",
}

BAD_VERBS: Final = [
    case("XAPI-00044", "no id", without(ANSWERED, "id"), "/id"),
    case("XAPI-00044", "id without a scheme", {"id": "answered"}, "/id"),
    case("XAPI-00044", "id with a blank", {"id": "https://example.org/has answered"}, "/id"),
    case("XAPI-00044", "id is an object", {"id": {"en": "answered"}}, "/id"),
    case("XAPI-00045", "display is a text", changed(ANSWERED, display="answered"), "/display"),
    case("XAPI-00045", "display is an array", changed(ANSWERED, display=["answered"]), "/display"),
    case("XAPI-00045", "a text is a number", changed(ANSWERED, display={"en": 7}), "/display/en"),
    case("XAPI-00121", "a tag is no language", changed(ANSWERED, display={"not a tag": "x"}), "/display/not a tag"),
]
BAD_ACTIVITIES: Final = [
    case("XAPI-00047", "no id", without(QUESTION, "id"), "/id"),
    case("XAPI-00047", "id without a scheme", changed(QUESTION, id="questions/1"), "/id"),
    case("XAPI-00047", "id is a number", changed(QUESTION, id=1), "/id"),
    case("XAPI-00048", "definition is a text", changed(QUESTION, definition="a question"), "/definition"),
    case("XAPI-00048", "definition is an array", changed(QUESTION, definition=[{}]), "/definition"),
    case("XAPI-00056", "name is a text", defined(name="Question"), "/definition/name"),
    case("XAPI-00056", "name in no language", defined(name={"en_GB": "Question"}), "/definition/name/en_GB"),
    case("XAPI-00059", "description is a text", defined(description="About"), "/definition/description"),
    case("XAPI-00059", "description holds a number", defined(description={"en": 1}), "/definition/description/en"),
    case("XAPI-00060", "type without a scheme", defined(type="question"), "/definition/type"),
    case("XAPI-00060", "type is an object", defined(type={}), "/definition/type"),
    case("XAPI-00061", "moreInfo without a scheme", defined(moreInfo="about.html"), "/definition/moreInfo"),
    case("XAPI-00061", "moreInfo is an array", defined(moreInfo=[]), "/definition/moreInfo"),
    case("XAPI-00057", "extensions are a text", defined(extensions="x"), "/definition/extensions"),
    case("XAPI-00118", "an extension without a scheme", defined(extensions={"x": 1}), "/definition/extensions/x"),
    case("XAPI-00049", "interactionType is unknown", defined(interactionType="quiz"), "/definition/interactionType"),
    case("XAPI-00049", "interactionType is a number", defined(interactionType=1), "/definition/interactionType"),
    case(
        "XAPI-00064", "a pattern without a type", defined(correctResponsesPattern=["a"]), "/definition/interactionType"
    ),
    case(
        "XAPI-00050",
        "pattern is a text",
        defined(interactionType="fill-in", correctResponsesPattern="a"),
        "/definition/correctResponsesPattern",
    ),
    case(
        "XAPI-00050",
        "pattern holds a number",
        defined(interactionType="numeric", correctResponsesPattern=[4]),
        "/definition/correctResponsesPattern/0",
    ),
]
BAD_OBJECTS: Final = [
    case("XAPI-00046", "objectType is unknown", changed(QUESTION, objectType="Course"), "/object/objectType"),
    case("XAPI-00046", "objectType is a number", changed(QUESTION, objectType=1), "/object/objectType"),
    case("XAPI-00065", "an Agent without objectType", without(ADA, "objectType"), "/object/id"),
    case("XAPI-00065", "a Group without objectType", without(TEAM, "objectType"), "/object/id"),
    case("XAPI-00073", "a reference without objectType", {"id": SOME_ID}, "/object/id"),
    case("XAPI-00072", "a reference without id", without(REFERENCE, "id"), "/object/id"),
    case("XAPI-00072", "a reference to no UUID", changed(REFERENCE, id="4711"), "/object/id"),
    case("XAPI-00072", "a reference to a number", changed(REFERENCE, id=4711), "/object/id"),
    case("XAPI-00010", "a reference knows more", changed(REFERENCE, note="x"), "/object/note"),
]
OF_STATEMENTS_ONLY: Final = [
    case("XAPI-00067", "authority", {"authority": ADA}, "/object/authority"),
    case("XAPI-00068", "version", {"version": "1.0.3"}, "/object/version"),
    case("XAPI-00069", "stored", {"stored": "2026-03-01T09:30:00Z"}, "/object/stored"),
    case("XAPI-00070", "id", {"id": SOME_ID}, "/object/id"),
]


@pytest.mark.parametrize("place", STATEMENT_PLACES)
@pytest.mark.parametrize(("verb", "pointer"), BAD_VERBS)
async def test_an_invalid_verb_is_refused(lrs: Lrs, place: str, verb: Any, pointer: str) -> None:
    await lrs.refuses(STATEMENT_PLACES[place](verb=verb), f"{place}/verb{pointer}")


@pytest.mark.parametrize("verb", [{"id": "a:b"}, {"id": "tag:example.org,2026:did", "display": {}}, ANSWERED], ids=repr)
async def test_a_valid_verb_is_taken(lrs: Lrs, verb: Any) -> None:
    """XAPI-00044, XAPI-00045."""
    await lrs.takes(stating(verb=verb))


@pytest.mark.parametrize("place", ACTIVITY_PLACES)
@pytest.mark.parametrize(("activity", "pointer"), BAD_ACTIVITIES)
async def test_an_invalid_activity_is_refused_wherever_it_stands(
    lrs: Lrs, place: str, activity: Any, pointer: str
) -> None:
    await lrs.refuses(ACTIVITY_PLACES[place](activity), f"{place}{pointer}")


@pytest.mark.parametrize("place", ACTIVITY_PLACES)
async def test_a_full_activity_is_taken_wherever_one_may_stand(lrs: Lrs, place: str) -> None:
    """XAPI-00048."""
    activity = defined(
        name={"en": "Question"},
        description={"zh-Hant": "…"},
        type="https://example.org/types/question",
        moreInfo="https://lms.example/questions/1/about",
        extensions={"https://lms.example/level": None},
    )
    await lrs.takes(ACTIVITY_PLACES[place](activity))


@pytest.mark.parametrize("kind", INTERACTIONS)
async def test_each_kind_of_interaction_is_taken(lrs: Lrs, kind: str) -> None:
    """XAPI-00049."""
    await lrs.takes(stating(object=defined(interactionType=kind, **INTERACTIONS[kind])))


@pytest.mark.parametrize(
    ("components", "at"),
    [
        case("XAPI-00051", "no array", {"id": "a"}, ""),
        case("XAPI-00051", "a text", ["a"], "/0"),
        case("XAPI-00052", "no id", [{"description": {"en": "A"}}], "/0/id"),
        case("XAPI-00052", "id is a number", [{"id": 1}], "/0/id"),
        case("XAPI-00052", "an id twice", [{"id": "a"}, {"id": "a"}], "/1/id"),
        case("XAPI-00053", "description is a text", [{"id": "a", "description": "A"}], "/0/description"),
        case("XAPI-00053", "description in no language", [{"id": "a", "description": {"e": "A"}}], "/0/description/e"),
        case("XAPI-00010", "a component knows more", [{"id": "a", "label": "A"}], "/0/label"),
    ],
)
@pytest.mark.parametrize("name", LISTS)
async def test_an_invalid_list_of_components_is_refused(lrs: Lrs, name: str, components: Any, at: str) -> None:
    activity = defined(interactionType=LISTS[name], **{name: components})
    await lrs.refuses(stating(object=activity), f"/object/definition/{name}{at}")


@pytest.mark.parametrize(
    "target",
    [
        case("XAPI-00046", "Activity", QUESTION),
        case("XAPI-00046", "Activity that does not say so", without(QUESTION, "objectType")),
        case("XAPI-00065", "Agent", ADA),
        case("XAPI-00065", "Group", TEAM),
        case("XAPI-00072", "StatementRef", REFERENCE),
    ],
)
@pytest.mark.parametrize("place", STATEMENT_PLACES)
async def test_each_type_of_object_is_taken(lrs: Lrs, place: str, target: Any) -> None:
    await lrs.takes(STATEMENT_PLACES[place](object=target))


@pytest.mark.parametrize("place", STATEMENT_PLACES)
@pytest.mark.parametrize(("target", "pointer"), BAD_OBJECTS)
async def test_an_invalid_object_is_refused(lrs: Lrs, place: str, target: Any, pointer: str) -> None:
    await lrs.refuses(STATEMENT_PLACES[place](object=target), f"{place}{pointer}")


@pytest.mark.parametrize(("changes", "pointer"), OF_STATEMENTS_ONLY)
async def test_a_substatement_has_nothing_that_a_store_sets(lrs: Lrs, changes: Any, pointer: str) -> None:
    await lrs.refuses(nested(**changes), pointer)


async def test_a_substatement_holds_no_substatement(lrs: Lrs) -> None:
    """XAPI-00071."""
    await lrs.refuses(nested(object=nested()["object"]), "/object/object")


async def test_a_substatement_says_that_it_is_one(lrs: Lrs) -> None:
    """XAPI-00073."""
    await lrs.refuses(stating(object=without(nested()["object"], "objectType")), "/object/id")


@pytest.mark.parametrize("target", [QUESTION, ADA, TEAM, nested()["object"]], ids=["activity", "agent", "group", "sub"])
async def test_what_voids_refers_to_a_statement(lrs: Lrs, target: Any) -> None:
    """XAPI-00017, XAPI-00020."""
    await lrs.refuses(stating(verb=VOIDED, object=target), "/object")
