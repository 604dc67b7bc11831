"""What surrounded it: registration, people, related activities, language (part 2, 2.4.6; 2.0: 4.2.2.5)."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.conformance.xapi.lrs import Lrs, case
from tests.conformance.xapi.statements import (
    ADA,
    BEN,
    PAIR,
    QUESTION,
    REFERENCE,
    SOME_ID,
    STATEMENT_PLACES,
    TEAM,
    changed,
    nested,
    stating,
    without,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

KINDS: Final = ("parent", "grouping", "category", "other")
AGENT: Final = {"objectType": "contextAgent", "agent": BEN, "relevantTypes": ["https://example.org/role"]}
GROUP: Final = {"objectType": "contextGroup", "group": TEAM, "relevantTypes": ["https://example.org/role"]}

GOOD_CONTEXTS: Final = [
    case("2.4.6", "empty", {}),
    case("XAPI-00087", "registration", {"registration": SOME_ID}),
    case("XAPI-00087", "registration in capitals", {"registration": SOME_ID.upper()}),
    case("2.4.6", "instructor is an Agent", {"instructor": BEN}),
    case("2.4.6", "instructor is a Group", {"instructor": PAIR}),
    case("XAPI-00088", "team", {"team": TEAM}),
    case("XAPI-00088", "anonymous team", {"team": PAIR}),
    case("XAPI-00089", "revision", {"revision": "7"}),
    case("XAPI-00090", "platform", {"platform": "Example LMS"}),
    case("XAPI-00091", "language", {"language": "en-GB"}),
    case("XAPI-00092", "statement", {"statement": REFERENCE}),
    case("XAPI-00086", "no activities", {"contextActivities": {}}),
    case("XAPI-00094", "one activity", {"contextActivities": {"parent": QUESTION}}),
    case(
        "XAPI-00094", "activities of each kind", {"contextActivities": {kind: [QUESTION, QUESTION] for kind in KINDS}}
    ),
]
BAD_CONTEXTS: Final = [
    case("XAPI-00087", "registration is no UUID", {"registration": "course-7"}, "/registration"),
    case("XAPI-00087", "registration is a number", {"registration": 7}, "/registration"),
    case("2.4.6", "instructor is a text", {"instructor": "Ben"}, "/instructor"),
    case("XAPI-00088", "team is an Agent", {"team": BEN}, "/team/objectType"),
    case("XAPI-00088", "team is a text", {"team": "Team 1"}, "/team"),
    case("XAPI-00089", "revision is a number", {"revision": 7}, "/revision"),
    case("XAPI-00090", "platform is an object", {"platform": {"name": "LMS"}}, "/platform"),
    case("XAPI-00091", "language is no tag", {"language": "English (UK)"}, "/language"),
    case("XAPI-00091", "language is an array", {"language": ["en"]}, "/language"),
    case("XAPI-00092", "statement is a text", {"statement": SOME_ID}, "/statement"),
    case("XAPI-00092", "statement is an Activity", {"statement": QUESTION}, "/statement/objectType"),
    case("XAPI-00092", "statement to no UUID", {"statement": changed(REFERENCE, id="7")}, "/statement/id"),
    case("XAPI-00086", "activities are an array", {"contextActivities": [QUESTION]}, "/contextActivities"),
    case("XAPI-00086", "activities are a text", {"contextActivities": "x"}, "/contextActivities"),
    case("XAPI-00093", "an unknown kind", {"contextActivities": {"sibling": [QUESTION]}}, "/contextActivities/sibling"),
    case(
        "XAPI-00094", "an Agent as activity", {"contextActivities": {"other": [ADA]}}, "/contextActivities/other/0/id"
    ),
    case("XAPI-00094", "a text as activity", {"contextActivities": {"parent": "x"}}, "/contextActivities/parent"),
    case("XAPI-00094", "null as activity", {"contextActivities": {"parent": [None]}}, "/contextActivities/parent/0"),
    case("XAPI-00118", "an extension without a scheme", {"extensions": {"room": 3}}, "/extensions/room"),
    case("XAPI-00120", "extensions are an array", {"extensions": [3]}, "/extensions"),
]
BAD_PARTIES: Final = [
    case("4.2.2.5", "agents are an object", {"contextAgents": AGENT}, "/contextAgents"),
    case("4.2.2.5", "an agent is a text", {"contextAgents": ["Ben"]}, "/contextAgents/0"),
    case("4.2.2.5", "no objectType", {"contextAgents": [without(AGENT, "objectType")]}, "/contextAgents/0/objectType"),
    case("4.2.2.5", "other type", {"contextAgents": [{**AGENT, "objectType": "Agent"}]}, "/contextAgents/0/objectType"),
    case("4.2.2.5", "no agent", {"contextAgents": [without(AGENT, "agent")]}, "/contextAgents/0/agent"),
    case(
        "4.2.2.5",
        "a Group as agent",
        {"contextAgents": [{**AGENT, "agent": TEAM}]},
        "/contextAgents/0/agent/objectType",
    ),
    case("4.2.2.5", "no types", {"contextAgents": [{**AGENT, "relevantTypes": []}]}, "/contextAgents/0/relevantTypes"),
    case(
        "4.2.2.5", "no IRI", {"contextAgents": [{**AGENT, "relevantTypes": ["x"]}]}, "/contextAgents/0/relevantTypes/0"
    ),
    case("4.2.2.5", "an agent knows more", {"contextAgents": [{**AGENT, "role": "x"}]}, "/contextAgents/0/role"),
    case("4.2.2.5", "groups are an object", {"contextGroups": GROUP}, "/contextGroups"),
    case("4.2.2.5", "no group", {"contextGroups": [without(GROUP, "group")]}, "/contextGroups/0/group"),
    case(
        "4.2.2.5",
        "an Agent as group",
        {"contextGroups": [{**GROUP, "group": BEN}]},
        "/contextGroups/0/group/objectType",
    ),
    case(
        "4.2.2.5",
        "agent's type",
        {"contextGroups": [{**GROUP, "objectType": "contextAgent"}]},
        "/contextGroups/0/objectType",
    ),
    case(
        "4.2.2.5", "group types", {"contextGroups": [{**GROUP, "relevantTypes": 7}]}, "/contextGroups/0/relevantTypes"
    ),
]


@pytest.mark.parametrize("place", STATEMENT_PLACES)
@pytest.mark.parametrize("context", GOOD_CONTEXTS)
async def test_a_valid_context_is_taken(lrs: Lrs, place: str, context: Any) -> None:
    await lrs.takes(STATEMENT_PLACES[place](context=context))


@pytest.mark.parametrize("place", STATEMENT_PLACES)
@pytest.mark.parametrize(("context", "pointer"), BAD_CONTEXTS)
async def test_an_invalid_context_is_refused(lrs: Lrs, place: str, context: Any, pointer: str) -> None:
    await lrs.refuses(STATEMENT_PLACES[place](context=context), f"{place}/context{pointer}")


@pytest.mark.parametrize("target", [ADA, TEAM, REFERENCE, nested()["object"]], ids=["agent", "group", "ref", "sub"])
@pytest.mark.parametrize(
    "name", [case("XAPI-00084", "revision", "revision"), case("XAPI-00085", "platform", "platform")]
)
async def test_revision_and_platform_are_of_activities_only(lrs: Lrs, name: str, target: Any) -> None:
    await lrs.refuses(stating(object=target, context={name: "7"}), f"/context/{name}")


@pytest.mark.parametrize("place", STATEMENT_PLACES)
@pytest.mark.parametrize(
    "context", [{"contextAgents": [AGENT, without(AGENT, "relevantTypes")]}, {"contextGroups": [GROUP]}]
)
async def test_context_agents_and_groups_are_taken_in_2(lrs_2: Lrs, place: str, context: Any) -> None:
    """4.2.2.5."""
    await lrs_2.takes(STATEMENT_PLACES[place](context=context))


@pytest.mark.parametrize("place", STATEMENT_PLACES)
@pytest.mark.parametrize(("context", "pointer"), BAD_PARTIES)
async def test_invalid_context_agents_and_groups_are_refused(
    lrs_2: Lrs, place: str, context: Any, pointer: str
) -> None:
    await lrs_2.refuses(STATEMENT_PLACES[place](context=context), f"{place}/context{pointer}")


@pytest.mark.parametrize("context", [{"contextAgents": [AGENT]}, {"contextGroups": [GROUP]}], ids=["agents", "groups"])
async def test_context_agents_and_groups_are_unknown_to_1(lrs_1: Lrs, context: Any) -> None:
    """XAPI-00010."""
    (name,) = context
    await lrs_1.refuses(stating(context=context), f"/context/{name}")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("build", [stating, nested], ids=["statement", "substatement"])
async def test_one_context_activity_is_given_back_in_an_array(lrs: Lrs, build: Any, kind: str) -> None:
    """XAPI-00096."""
    found = await lrs.stored(build(context={"contextActivities": {kind: QUESTION}}))
    whole = found if build is stating else found["object"]
    assert whole["context"]["contextActivities"] == {kind: [QUESTION]}
