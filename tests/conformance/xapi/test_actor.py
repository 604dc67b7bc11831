"""Who acted: Agents and Groups wherever one may stand (part 2, 2.4.2; 2.0: 4.2.2.1)."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.conformance.xapi.lrs import Lrs, case
from tests.conformance.xapi.statements import ACCOUNT, ADA, AGENT_PLACES, BEN, GROUP_PLACES, TEAM, changed, without

pytestmark = pytest.mark.asyncio(loop_scope="session")

SHA1: Final = "cd9b00a5611f94eaa7b1661edab976068e364975"
MEMBERS: Final = {"objectType": "Group", "member": [BEN]}

GOOD_AGENTS: Final = [
    case("XAPI-00034", "account", ADA),
    case("XAPI-00034", "mbox", BEN),
    case("XAPI-00034", "mbox_sha1sum", {"objectType": "Agent", "mbox_sha1sum": SHA1}),
    case("XAPI-00034", "openid", {"objectType": "Agent", "openid": "https://ada.example.org"}),
    case("XAPI-00033", "a name", changed(ADA, name="Ada")),
    case("XAPI-00038", "a plus in an address", {"objectType": "Agent", "mbox": "mailto:ada+lms@example.org"}),
]
BAD_AGENTS: Final = [
    case("XAPI-00034", "no identifier", {"objectType": "Agent", "name": "Ada"}, ""),
    case("XAPI-00034", "two identifiers", {**ADA, "mbox": "mailto:ada@example.org"}, ""),
    case("XAPI-00034", "three identifiers", {**BEN, "openid": "https://a.example", "mbox_sha1sum": SHA1}, ""),
    case("XAPI-00032", "objectType is a number", changed(ADA, objectType=1), "/objectType"),
    case("XAPI-00009", "objectType in lower case", changed(ADA, objectType="agent"), "/objectType"),
    case("XAPI-00033", "name is a number", changed(ADA, name=7), "/name"),
    case("XAPI-00033", "name is an object", changed(ADA, name={"en": "Ada"}), "/name"),
    case("XAPI-00001", "name is null", changed(ADA, name=None), "/name"),
    case("XAPI-00035", "member in an Agent", changed(ADA, member=[BEN]), "/member"),
    case("XAPI-00038", "mbox without mailto", {"objectType": "Agent", "mbox": "ada@example.org"}, "/mbox"),
    case("XAPI-00038", "mbox without an at", {"objectType": "Agent", "mbox": "mailto:ada.example.org"}, "/mbox"),
    case("XAPI-00038", "mbox without a domain", {"objectType": "Agent", "mbox": "mailto:ada@"}, "/mbox"),
    case("XAPI-00038", "mbox is a number", {"objectType": "Agent", "mbox": 7}, "/mbox"),
    case("XAPI-00039", "hash is a number", {"objectType": "Agent", "mbox_sha1sum": 7}, "/mbox_sha1sum"),
    case("XAPI-00039", "hash is too short", {"objectType": "Agent", "mbox_sha1sum": SHA1[:-1]}, "/mbox_sha1sum"),
    case("XAPI-00039", "hash is not hex", {"objectType": "Agent", "mbox_sha1sum": f"x{SHA1[1:]}"}, "/mbox_sha1sum"),
    case("XAPI-00040", "openid without a scheme", {"objectType": "Agent", "openid": "ada.example.org"}, "/openid"),
    case("XAPI-00040", "openid is an object", {"objectType": "Agent", "openid": {}}, "/openid"),
    case("XAPI-00041", "account is a text", {"objectType": "Agent", "account": "4711"}, "/account"),
    case("XAPI-00041", "account is an array", {"objectType": "Agent", "account": [ACCOUNT]}, "/account"),
    case("XAPI-00041", "account knows more", {"objectType": "Agent", "account": {**ACCOUNT, "a": 1}}, "/account/a"),
    case(
        "XAPI-00042",
        "no home page",
        {"objectType": "Agent", "account": without(ACCOUNT, "homePage")},
        "/account/homePage",
    ),
    case(
        "XAPI-00042",
        "no scheme",
        {"objectType": "Agent", "account": {**ACCOUNT, "homePage": "x.y"}},
        "/account/homePage",
    ),
    case("XAPI-00043", "no name", {"objectType": "Agent", "account": without(ACCOUNT, "name")}, "/account/name"),
    case("XAPI-00043", "a number", {"objectType": "Agent", "account": {**ACCOUNT, "name": 4711}}, "/account/name"),
    case("XAPI-00008", "Account in capitals", {"objectType": "Agent", "Account": ACCOUNT}, "/Account"),
    case("XAPI-00008", "NAME in capitals", changed(ADA, NAME="Ada"), "/NAME"),
    case("XAPI-00010", "an unknown property", changed(ADA, age=36), "/age"),
]
GOOD_GROUPS: Final = [
    case("XAPI-00037", "identified, with members", TEAM),
    case("XAPI-00037", "identified, without members", without(TEAM, "member")),
    case("XAPI-00037", "identified, an empty array of members", changed(TEAM, member=[])),
    case("XAPI-00037", "anonymous", MEMBERS),
    case("XAPI-00036", "a member without objectType", changed(MEMBERS, member=[without(ADA, "objectType")])),
]
BAD_GROUPS: Final = [
    case("XAPI-00037", "neither identifier nor members", {"objectType": "Group", "name": "Team"}, ""),
    case("XAPI-00037", "anonymous, an empty array of members", {"objectType": "Group", "member": []}, ""),
    case("XAPI-00037", "two identifiers", changed(TEAM, account=ACCOUNT), ""),
    case("XAPI-00009", "objectType in lower case", changed(TEAM, objectType="group"), "/objectType"),
    case("XAPI-00036", "member is an object", changed(MEMBERS, member=BEN), "/member"),
    case("XAPI-00036", "member is a text", changed(MEMBERS, member="Ben"), "/member"),
    case("XAPI-00036", "a member without identifier", changed(MEMBERS, member=[{"name": "Ben"}]), "/member/0"),
    case("XAPI-00036", "a Group as a member", changed(MEMBERS, member=[BEN, TEAM]), "/member/1/objectType"),
    case("XAPI-00036", "a text as a member", changed(MEMBERS, member=["Ben"]), "/member/0"),
    case("XAPI-00038", "mbox without mailto", changed(TEAM, mbox="team@example.org"), "/mbox"),
    case("XAPI-00001", "name is null", changed(TEAM, name=None), "/name"),
    case("XAPI-00008", "Member in capitals", changed(without(TEAM, "member"), Member=[BEN]), "/Member"),
    case("XAPI-00010", "an unknown property", changed(TEAM, size=2), "/size"),
]


@pytest.mark.parametrize("place", AGENT_PLACES)
@pytest.mark.parametrize("agent", GOOD_AGENTS)
async def test_a_valid_agent_is_taken_wherever_one_may_stand(lrs: Lrs, place: str, agent: Any) -> None:
    await lrs.takes(AGENT_PLACES[place](agent))


@pytest.mark.parametrize("place", AGENT_PLACES)
@pytest.mark.parametrize(("agent", "pointer"), BAD_AGENTS)
async def test_an_invalid_agent_is_refused_wherever_it_stands(lrs: Lrs, place: str, agent: Any, pointer: str) -> None:
    await lrs.refuses(AGENT_PLACES[place](agent), f"{place}{pointer}")


@pytest.mark.parametrize("place", GROUP_PLACES)
@pytest.mark.parametrize("group", GOOD_GROUPS)
async def test_a_valid_group_is_taken_wherever_one_may_stand(lrs: Lrs, place: str, group: Any) -> None:
    await lrs.takes(GROUP_PLACES[place](group))


@pytest.mark.parametrize("place", GROUP_PLACES)
@pytest.mark.parametrize(("group", "pointer"), BAD_GROUPS)
async def test_an_invalid_group_is_refused_wherever_it_stands(lrs: Lrs, place: str, group: Any, pointer: str) -> None:
    await lrs.refuses(GROUP_PLACES[place](group), f"{place}{pointer}")


async def test_an_actor_without_an_object_type_is_an_agent(lrs: Lrs) -> None:
    """XAPI-00031."""
    await lrs.takes(AGENT_PLACES["/actor"](without(ADA, "objectType")))


async def test_a_team_is_no_agent(lrs: Lrs) -> None:
    """XAPI-00088."""
    await lrs.refuses(GROUP_PLACES["/context/team"](ADA), "/context/team/objectType")


@pytest.mark.parametrize("actor", [None, "ada", 7, [], [ADA], True], ids=repr)
async def test_an_actor_is_an_object(lrs: Lrs, actor: Any) -> None:
    """XAPI-00006."""
    await lrs.refuses(AGENT_PLACES["/actor"](actor), "/actor")
