"""What a store sets or keeps: id, timestamp, stored, authority, version (part 2, 2.4.1 and 2.4.7 to 2.4.10)."""

from __future__ import annotations

from typing import Any, Final

import pytest

from services.learning_events.domain.formats import is_uuid
from shared.kernel.clock import parse_rfc3339
from shared.kernel.ids import system_uuid7
from tests.conformance.xapi.lrs import Lrs, case
from tests.conformance.xapi.statements import ADA, BEN, PAIR, TEAM, changed, stating, without

pytestmark = pytest.mark.asyncio(loop_scope="session")

BAD_AUTHORITIES: Final = [
    case("XAPI-00024", "a text", "key 7", "/authority"),
    case("XAPI-00024", "an Activity", {"objectType": "Activity", "id": "a:b"}, "/authority/objectType"),
    case("XAPI-00024", "no identifier", {"objectType": "Agent", "name": "x"}, "/authority"),
    case("XAPI-00098", "an identified Group", TEAM, "/authority"),
    case("XAPI-00098", "a Group of one", changed(PAIR, member=[ADA]), "/authority"),
    case("XAPI-00100", "a Group of three", changed(PAIR, member=[ADA, BEN, ADA]), "/authority"),
]
GOOD_VERSIONS: Final = ["1.0", "1.0.0", "1.0.3", "1.0.9"]
BAD_VERSIONS: Final = ["", "1", "1.1", "1.1.0", "0.95", "0.9.0", "3.0.0", "1.0.x", "v1.0.3"]


async def test_a_statement_without_an_id_is_given_one(lrs: Lrs) -> None:
    """XAPI-00026."""
    found = await lrs.stored(stating())
    assert is_uuid(found["id"])


@pytest.mark.parametrize("value", [7, None, {}, ["x"], True], ids=repr)
async def test_an_id_is_a_text(lrs: Lrs, value: Any) -> None:
    """XAPI-00028."""
    await lrs.refuses(stating(id=value), "/id")


async def test_an_id_is_kept(lrs: Lrs) -> None:
    """XAPI-00027."""
    statement_id = str(system_uuid7())
    assert (await lrs.stored(stating(id=statement_id)))["id"] == statement_id


async def test_stored_is_set_whatever_was_sent(lrs: Lrs) -> None:
    """XAPI-00023, XAPI-00097."""
    sent = "2013-05-18T05:32:34.804Z"
    found = await lrs.stored(stating(stored=sent))
    assert parse_rfc3339(found["stored"]).year > 2013


async def test_a_timestamp_that_was_not_sent_is_the_time_of_storing(lrs: Lrs) -> None:
    """2.4.7."""
    found = await lrs.stored(stating())
    assert found["timestamp"] == found["stored"]


async def test_the_authority_is_set_where_none_was_sent(lrs: Lrs) -> None:
    """XAPI-00099."""
    found = await lrs.stored(stating())
    assert found["authority"]["objectType"] == "Agent"
    assert found["authority"]["account"]["name"] == lrs.platform.key


@pytest.mark.parametrize(
    "authority", [ADA, BEN, PAIR, without(BEN, "objectType")], ids=["account", "mbox", "pair", "bare"]
)
async def test_a_valid_authority_is_taken(lrs: Lrs, authority: Any) -> None:
    """XAPI-00024, XAPI-00098."""
    await lrs.takes(stating(authority=authority))


@pytest.mark.parametrize(("authority", "pointer"), BAD_AUTHORITIES)
async def test_an_invalid_authority_is_refused(lrs: Lrs, authority: Any, pointer: str) -> None:
    await lrs.refuses(stating(authority=authority), pointer)


@pytest.mark.parametrize("version", GOOD_VERSIONS)
async def test_a_version_of_1_is_taken_and_kept(lrs: Lrs, version: str) -> None:
    """XAPI-00101, XAPI-00332."""
    assert (await lrs.stored(stating(version=version)))["version"] == version


@pytest.mark.parametrize("version", BAD_VERSIONS)
async def test_another_version_is_refused(lrs: Lrs, version: str) -> None:
    """XAPI-00101."""
    await lrs.refuses(stating(version=version), "/version")


async def test_version_2_is_of_2_only(lrs_1: Lrs, lrs_2: Lrs) -> None:
    """XAPI-00101; 2.0: 4.2.4.3."""
    await lrs_1.refuses(stating(version="2.0.0"), "/version")
    await lrs_2.takes(stating(version="2.0.0"))


async def test_the_version_is_set_where_none_was_sent(lrs_1: Lrs, lrs_2: Lrs) -> None:
    """2.4.10; 2.0: 4.2.4.3."""
    assert (await lrs_1.stored(stating()))["version"] == "1.0.0"
    assert (await lrs_2.stored(stating()))["version"] == "2.0.0"
