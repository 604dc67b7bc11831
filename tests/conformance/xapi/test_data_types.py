"""The special data types: IRIs, UUIDs, language tags, timestamps (part 2, 4; 2.0: 4.2.7)."""

from __future__ import annotations

from typing import Any, Final

import pytest

from shared.kernel.clock import parse_rfc3339
from tests.conformance.xapi.lrs import Lrs, case
from tests.conformance.xapi.statements import QUESTION, REFERENCE, SOME_ID, changed, defined, stating

pytestmark = pytest.mark.asyncio(loop_scope="session")

GOOD_IRIS: Final = [
    "https://example.org/a?b=c#d",
    "course-v1:ORG+COURSE+RUN",
    "uuid://7d4f3c70-1e79-4243-9b7d-166076ce8bfb",
    "urn:isbn:0451450523",
    "tag:example.org,2026:course/1",
    "https://example.org/فعل/خواندن",
    "https://example.org/a%20b",
]
BAD_IRIS: Final = [
    "",
    "example.org/a",
    "/a/b",
    "//example.org/a",
    "https://example.org/a b",
    "https://x.y/<a>",
    "https://x.y/%zz",
]
BAD_UUIDS: Final = [
    "",
    "4711",
    SOME_ID[:-1],
    f"{SOME_ID}0",
    SOME_ID.replace("-", ""),
    f"{{{SOME_ID}}}",
    f"urn:uuid:{SOME_ID}",
    f"g{SOME_ID[1:]}",
]
GOOD_TAGS: Final = [
    "de",
    "en-GB",
    "zh-Hant-TW",
    "es-419",
    "sl-rozaj-biske",
    "x-pig-latin",
    "i-klingon",
    "de-CH-1996",
    "sr-Latn-RS",
]
BAD_TAGS: Final = ["a", "en_US", "en-", "-en", "english-language-of-old", "en-GB-", "e n", "en--GB", "123"]
GOOD_TIMES: Final = [
    "2026-03-01T09:30:00Z",
    "2026-03-01T09:30:00.123456+01:00",
    "2026-03-01T09:30:00.5-03:30",
    "2024-02-29T23:59:59.999Z",
]
BAD_TIMES: Final = [
    "yesterday",
    "2026-03-01",
    "2026-03-01T09:30:00",
    "2026-03-01T09:30Z",
    "2026-13-01T09:30:00Z",
    "2026-02-30T09:30:00Z",
    "2026-03-01T25:30:00Z",
    "2026-03-01T09:30:00-00:00",
    "01/03/2026 09:30",
    "1772357400",
]


@pytest.mark.parametrize("iri", GOOD_IRIS)
async def test_an_iri_of_any_scheme_is_taken_and_given_back_as_it_came(lrs: Lrs, iri: str) -> None:
    """XAPI-00011 and 2.0, 4.2.7."""
    found = await lrs.stored(stating(verb={"id": iri}, object={"id": iri}))
    assert (found["verb"]["id"], found["object"]["id"]) == (iri, iri)


@pytest.mark.parametrize("iri", BAD_IRIS)
@pytest.mark.parametrize(
    ("build", "pointer"),
    [
        case("XAPI-00044", "verb", lambda iri: stating(verb={"id": iri}), "/verb/id"),
        case("XAPI-00047", "activity", lambda iri: stating(object=changed(QUESTION, id=iri)), "/object/id"),
        case("XAPI-00060", "type", lambda iri: stating(object=defined(type=iri)), "/object/definition/type"),
        case(
            "XAPI-00061", "moreInfo", lambda iri: stating(object=defined(moreInfo=iri)), "/object/definition/moreInfo"
        ),
    ],
)
async def test_what_is_no_iri_is_refused(lrs: Lrs, build: Any, pointer: str, iri: str) -> None:
    await lrs.refuses(build(iri), pointer)


@pytest.mark.parametrize("value", BAD_UUIDS)
@pytest.mark.parametrize(
    ("build", "pointer"),
    [
        case("XAPI-00027", "id", lambda value: stating(id=value), "/id"),
        case(
            "XAPI-00087",
            "registration",
            lambda value: stating(context={"registration": value}),
            "/context/registration",
        ),
        case("XAPI-00072", "reference", lambda value: stating(object=changed(REFERENCE, id=value)), "/object/id"),
        case(
            "XAPI-00092",
            "statement",
            lambda value: stating(context={"statement": changed(REFERENCE, id=value)}),
            "/context/statement/id",
        ),
    ],
)
async def test_a_uuid_in_another_form_is_refused(lrs: Lrs, build: Any, pointer: str, value: str) -> None:
    """XAPI-00029, XAPI-00030."""
    await lrs.refuses(build(value), pointer)


@pytest.mark.parametrize("tag", GOOD_TAGS)
async def test_a_language_tag_is_taken(lrs: Lrs, tag: str) -> None:
    """XAPI-00013, XAPI-00121."""
    await lrs.takes(stating(object=defined(name={tag: "x"}), context={"language": tag}))


@pytest.mark.parametrize("tag", BAD_TAGS)
@pytest.mark.parametrize(
    ("build", "pointer"),
    [
        case("XAPI-00091", "language", lambda tag: stating(context={"language": tag}), "/context/language"),
        case(
            "XAPI-00045", "display", lambda tag: stating(verb={"id": "a:b", "display": {tag: "x"}}), "/verb/display/{}"
        ),
        case("XAPI-00056", "name", lambda tag: stating(object=defined(name={tag: "x"})), "/object/definition/name/{}"),
    ],
)
async def test_what_is_no_language_tag_is_refused(lrs: Lrs, build: Any, pointer: str, tag: str) -> None:
    """XAPI-00013, XAPI-00121."""
    await lrs.refuses(build(tag), pointer.format(tag))


@pytest.mark.parametrize("timestamp", GOOD_TIMES)
async def test_a_timestamp_is_given_back_to_the_millisecond(lrs: Lrs, timestamp: str) -> None:
    """XAPI-00022, XAPI-00122; 2.0, 4.2.7: the instant stays, whatever the zone."""
    found = parse_rfc3339((await lrs.stored(stating(timestamp=timestamp)))["timestamp"])
    assert abs((found - parse_rfc3339(timestamp)).total_seconds()) < 0.001


@pytest.mark.parametrize("timestamp", BAD_TIMES)
@pytest.mark.parametrize("name", [case("XAPI-00022", "timestamp", "timestamp"), case("XAPI-00023", "stored", "stored")])
async def test_what_is_no_timestamp_is_refused(lrs: Lrs, name: str, timestamp: str) -> None:
    """XAPI-00123."""
    await lrs.refuses(stating(**{name: timestamp}), f"/{name}")
