"""The form of statements: required parts, types, cases, nulls, and nothing that the standard does not know (2.2)."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from tests.conformance.xapi.lrs import Lrs, case
from tests.conformance.xapi.statements import (
    ADA,
    ANSWERED,
    BEN,
    QUESTION,
    STATEMENT_PLACES,
    TEAM,
    changed,
    defined,
    nested,
    stating,
    without,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXTENSION: Final = "https://lms.example/ext"

BAD_STATEMENTS: Final = [
    case("XAPI-00006", "actor is a text", {"actor": "Ada"}, "/actor"),
    case("XAPI-00006", "verb is a text", {"verb": "answered"}, "/verb"),
    case("XAPI-00006", "verb is an array", {"verb": [ANSWERED]}, "/verb"),
    case("XAPI-00006", "object is a text", {"object": QUESTION["id"]}, "/object"),
    case("XAPI-00006", "object is an array", {"object": [QUESTION]}, "/object"),
    case("XAPI-00006", "result is a boolean", {"result": True}, "/result"),
    case("XAPI-00006", "context is an array", {"context": [{}]}, "/context"),
    case("XAPI-00006", "timestamp is a number", {"timestamp": 1_772_357_400}, "/timestamp"),
    case("XAPI-00001", "result is null", {"result": None}, "/result"),
    case("XAPI-00001", "context is null", {"context": None}, "/context"),
    case("XAPI-00001", "timestamp is null", {"timestamp": None}, "/timestamp"),
    case("XAPI-00001", "attachments are null", {"attachments": None}, "/attachments"),
    case("XAPI-00001", "verb display is null", {"verb": changed(ANSWERED, display=None)}, "/verb/display"),
    case(
        "XAPI-00001", "verb display holds null", {"verb": changed(ANSWERED, display={"en": None})}, "/verb/display/en"
    ),
    case("XAPI-00001", "definition is null", {"object": changed(QUESTION, definition=None)}, "/object/definition"),
    case("XAPI-00001", "success is null", {"result": {"success": None}}, "/result/success"),
    case("XAPI-00001", "score is null", {"result": {"score": None}}, "/result/score"),
    case("XAPI-00001", "a score holds null", {"result": {"score": {"raw": None}}}, "/result/score/raw"),
    case("XAPI-00001", "platform is null", {"context": {"platform": None}}, "/context/platform"),
    case("XAPI-00001", "extensions are null", {"context": {"extensions": None}}, "/context/extensions"),
    case("XAPI-00007", "verb id is empty", {"verb": {"id": ""}}, "/verb/id"),
    case("XAPI-00007", "activity id is empty", {"object": {"id": ""}}, "/object/id"),
    case("XAPI-00007", "registration is empty", {"context": {"registration": ""}}, "/context/registration"),
    case("XAPI-00007", "timestamp is empty", {"timestamp": ""}, "/timestamp"),
    case("XAPI-00007", "duration is empty", {"result": {"duration": ""}}, "/result/duration"),
    case("XAPI-00007", "language is empty", {"context": {"language": ""}}, "/context/language"),
    case("XAPI-00008", "Timestamp in capitals", {"Timestamp": "2026-03-01T09:30:00Z"}, "/Timestamp"),
    case("XAPI-00008", "RESULT in capitals", {"RESULT": {}}, "/RESULT"),
    case("XAPI-00008", "verb Id", {"verb": {**ANSWERED, "Id": "https://x.example"}}, "/verb/Id"),
    case("XAPI-00008", "result Success", {"result": {"Success": True}}, "/result/Success"),
    case("XAPI-00008", "context activities", {"context": {"contextactivities": {}}}, "/context/contextactivities"),
    case(
        "XAPI-00009", "object type activity", {"object": changed(QUESTION, objectType="activity")}, "/object/objectType"
    ),
    case("XAPI-00009", "object type AGENT", {"object": changed(ADA, objectType="AGENT")}, "/object/objectType"),
    case(
        "XAPI-00009",
        "interaction type",
        {"object": defined(interactionType="Choice")},
        "/object/definition/interactionType",
    ),
    case("XAPI-00010", "a statement knows more", {"mood": "good"}, "/mood"),
    case("XAPI-00010", "a verb knows more", {"verb": {**ANSWERED, "tense": "past"}}, "/verb/tense"),
    case("XAPI-00010", "an activity knows more", {"object": {**QUESTION, "level": 1}}, "/object/level"),
    case("XAPI-00010", "a definition knows more", {"object": defined(level=1)}, "/object/definition/level"),
    case("XAPI-00010", "a result knows more", {"result": {"grade": "A"}}, "/result/grade"),
    case("XAPI-00010", "a score knows more", {"result": {"score": {"grade": 1}}}, "/result/score/grade"),
    case("XAPI-00010", "a context knows more", {"context": {"room": 3}}, "/context/room"),
    case("XAPI-00011", "verb id without scheme", {"verb": {"id": "verbs/answered"}}, "/verb/id"),
    case("XAPI-00011", "activity id without scheme", {"object": {"id": "lms.example/questions/1"}}, "/object/id"),
]
EXTENSION_VALUES: Final[list[Any]] = [None, "", {}, [], 0, False, {"deep": [None, {"": {}}]}]


@pytest.mark.parametrize("place", STATEMENT_PLACES)
@pytest.mark.parametrize(("changes", "pointer"), BAD_STATEMENTS)
async def test_what_is_not_in_its_form_is_refused(lrs: Lrs, place: str, changes: Any, pointer: str) -> None:
    """XAPI-00066: in a SubStatement as in a statement."""
    await lrs.refuses(STATEMENT_PLACES[place](**changes), f"{place}{pointer}")


@pytest.mark.parametrize("build", [stating, nested], ids=["statement", "substatement"])
@pytest.mark.parametrize(
    "name",
    [
        case("XAPI-00003", "actor", "actor"),
        case("XAPI-00004", "verb", "verb"),
        case("XAPI-00005", "object", "object"),
    ],
)
async def test_a_statement_without_a_required_part_is_refused(lrs: Lrs, build: Any, name: str) -> None:
    statement = build()
    if build is stating:
        await lrs.refuses(without(statement, name), f"/{name}")
    else:
        statement["object"] = without(statement["object"], name)
        await lrs.refuses(statement, f"/object/{name}")


@pytest.mark.parametrize("value", EXTENSION_VALUES, ids=json.dumps)
@pytest.mark.parametrize(
    "build",
    [
        case("XAPI-00119", "result", lambda value: stating(result={"extensions": {EXTENSION: value}})),
        case("XAPI-00119", "context", lambda value: stating(context={"extensions": {EXTENSION: value}})),
        case("XAPI-00119", "definition", lambda value: stating(object=defined(extensions={EXTENSION: value}))),
        case("XAPI-00119", "substatement", lambda value: nested(result={"extensions": {EXTENSION: value}})),
    ],
)
async def test_an_extension_says_anything_and_is_given_back_as_it_came(lrs: Lrs, build: Any, value: Any) -> None:
    sent = build(value)
    found = await lrs.stored(sent)
    assert {name: found[name] for name in sent} == sent


@pytest.mark.parametrize("body", [b"", b"{", b"[1,", b"actor", b"'{}'", b'{"actor":}'], ids=repr)
async def test_what_is_no_json_is_refused(lrs: Lrs, body: bytes) -> None:
    """XAPI-00014."""
    response = await lrs.post(body, content_type="application/json")
    assert response.status_code == 400


async def test_a_property_that_stands_twice_is_refused(lrs: Lrs) -> None:
    """XAPI-00014: of two values of one name, readers disagree which counts."""
    verb = json.dumps(ANSWERED)
    body = f'{{"actor":{json.dumps(ADA)},"verb":{verb},"verb":{verb},"object":{json.dumps(QUESTION)}}}'
    assert (await lrs.post(body.encode(), content_type="application/json")).status_code == 400


@pytest.mark.parametrize("value", [None, 7, "statement", True], ids=repr)
async def test_what_is_no_object_is_no_statement(lrs: Lrs, value: Any) -> None:
    """XAPI-00006."""
    assert (await lrs.post(json.dumps(value).encode(), content_type="application/json")).status_code == 400


async def test_text_is_utf_8_and_is_given_back_as_it_came(lrs: Lrs) -> None:
    """XAPI-00015."""
    verb = {"id": "https://example.org/فعل/خواندن", "display": {"fa": "خواندن", "de": "gelöst — 終わり 🎓"}}
    found = await lrs.stored(stating(verb=verb, actor=changed(BEN, name="Ægir Þór"), context={"team": TEAM}))
    assert found["verb"] == verb
    assert found["actor"]["name"] == "Ægir Þór"


async def test_numbers_keep_the_precision_of_a_double(lrs: Lrs) -> None:
    """XAPI-00002."""
    score = {"scaled": 0.123456789012345, "raw": 45.1234567890123, "min": -1.5e-7, "max": 1e10}
    found = await lrs.stored(stating(result={"score": score}))
    assert found["result"]["score"] == score
