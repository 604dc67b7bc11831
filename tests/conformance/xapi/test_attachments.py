"""The headers of attachments whose data lies elsewhere (part 2, 2.4.11; 2.0: 4.2.2.6)."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.conformance.xapi.lrs import Lrs, case
from tests.conformance.xapi.statements import ATTACHMENT, STATEMENT_PLACES, changed, without

pytestmark = pytest.mark.asyncio(loop_scope="session")

GOOD: Final = [
    case("XAPI-00025", "none", []),
    case("XAPI-00025", "one", [ATTACHMENT]),
    case("XAPI-00025", "two", [ATTACHMENT, changed(ATTACHMENT, description={"en": "The certificate"})]),
    case("XAPI-00105", "a parameter", [changed(ATTACHMENT, contentType='text/plain; charset="utf-8"')]),
    case("XAPI-00102", "no octets", [changed(ATTACHMENT, length=0)]),
    case("XAPI-00103", "SHA-512", [changed(ATTACHMENT, sha2="a" * 128)]),
]
BAD: Final = [
    case("XAPI-00102", "no length", without(ATTACHMENT, "length"), "/length"),
    case("XAPI-00102", "length is a text", changed(ATTACHMENT, length="27"), "/length"),
    case("XAPI-00102", "length is a fraction", changed(ATTACHMENT, length=27.5), "/length"),
    case("XAPI-00102", "length is an array", changed(ATTACHMENT, length=[27]), "/length"),
    case("XAPI-00103", "no hash", without(ATTACHMENT, "sha2"), "/sha2"),
    case("XAPI-00103", "hash is a number", changed(ATTACHMENT, sha2=7), "/sha2"),
    case("XAPI-00103", "hash is not hex", changed(ATTACHMENT, sha2="g" * 64), "/sha2"),
    case("XAPI-00104", "fileUrl without a scheme", changed(ATTACHMENT, fileUrl="certificate.txt"), "/fileUrl"),
    case("XAPI-00104", "fileUrl is an object", changed(ATTACHMENT, fileUrl={}), "/fileUrl"),
    case("XAPI-00105", "no contentType", without(ATTACHMENT, "contentType"), "/contentType"),
    case("XAPI-00105", "contentType is a number", changed(ATTACHMENT, contentType=7), "/contentType"),
    case("XAPI-00105", "contentType is a word", changed(ATTACHMENT, contentType="text"), "/contentType"),
    case("XAPI-00106", "no display", without(ATTACHMENT, "display"), "/display"),
    case("XAPI-00106", "display is a text", changed(ATTACHMENT, display="Certificate"), "/display"),
    case("XAPI-00106", "description is a text", changed(ATTACHMENT, description="x"), "/description"),
    case("XAPI-00107", "no usageType", without(ATTACHMENT, "usageType"), "/usageType"),
    case("XAPI-00107", "usageType without a scheme", changed(ATTACHMENT, usageType="certificate"), "/usageType"),
    case("XAPI-00010", "an attachment knows more", changed(ATTACHMENT, name="x"), "/name"),
    case("XAPI-00025", "an attachment is a text", "certificate", ""),
]


@pytest.mark.parametrize("place", STATEMENT_PLACES)
@pytest.mark.parametrize("attachments", GOOD)
async def test_valid_attachments_are_taken(lrs: Lrs, place: str, attachments: Any) -> None:
    await lrs.takes(STATEMENT_PLACES[place](attachments=attachments))


@pytest.mark.parametrize("place", STATEMENT_PLACES)
@pytest.mark.parametrize(("attachment", "pointer"), BAD)
async def test_an_invalid_attachment_is_refused(lrs: Lrs, place: str, attachment: Any, pointer: str) -> None:
    sent = STATEMENT_PLACES[place](attachments=[ATTACHMENT, attachment])
    await lrs.refuses(sent, f"{place}/attachments/1{pointer}")


@pytest.mark.parametrize("value", [ATTACHMENT, "x", 7, True], ids=["object", "text", "number", "boolean"])
async def test_attachments_are_an_array(lrs: Lrs, value: Any) -> None:
    """XAPI-00025."""
    await lrs.refuses(STATEMENT_PLACES[""](attachments=value), "/attachments")


async def test_an_attachment_without_data_and_without_a_url_is_refused(lrs: Lrs) -> None:
    """XAPI-00129."""
    await lrs.refuses(STATEMENT_PLACES[""](attachments=[without(ATTACHMENT, "fileUrl")]), "/attachments/0/fileUrl")
