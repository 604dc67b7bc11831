"""What came of it: score, success, completion, response, duration (part 2, 2.4.5 and 4.6)."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from tests.conformance.xapi.lrs import Lrs, case
from tests.conformance.xapi.statements import STATEMENT_PLACES

pytestmark = pytest.mark.asyncio(loop_scope="session")

GOOD_RESULTS: Final = [
    {},
    {"success": True, "completion": False, "response": ""},
    {"score": {}},
    {"score": {"scaled": 1}},
    {"score": {"scaled": -1.0}},
    {"score": {"scaled": 0}},
    {"score": {"raw": -7.25}},
    {"score": {"raw": 0, "min": 0, "max": 10}},
    {"score": {"raw": 10, "min": 0, "max": 10}},
    {"score": {"min": 3}},
    {"score": {"max": -3}},
    {"extensions": {}},
]
BAD_RESULTS: Final = [
    case("XAPI-00074", "success is a text", {"success": "true"}, "/success"),
    case("XAPI-00074", "success is a number", {"success": 1}, "/success"),
    case("XAPI-00075", "completion is a text", {"completion": "yes"}, "/completion"),
    case("XAPI-00075", "completion is an object", {"completion": {}}, "/completion"),
    case("XAPI-00076", "response is a number", {"response": 42}, "/response"),
    case("XAPI-00076", "response is an array", {"response": ["a"]}, "/response"),
    case("XAPI-00077", "duration is a number", {"duration": 90}, "/duration"),
    case("XAPI-00078", "extensions are an array", {"extensions": []}, "/extensions"),
    case("XAPI-00118", "an extension without a scheme", {"extensions": {"hints": 1}}, "/extensions/hints"),
    case("XAPI-00079", "score is a number", {"score": 0.5}, "/score"),
    case("XAPI-00079", "score is an array", {"score": [0.5]}, "/score"),
    case("XAPI-00079", "raw is a text", {"score": {"raw": "5"}}, "/score/raw"),
    case("XAPI-00079", "scaled is a boolean", {"score": {"scaled": True}}, "/score/scaled"),
    case("XAPI-00083", "scaled above 1", {"score": {"scaled": 1.000001}}, "/score/scaled"),
    case("XAPI-00083", "scaled below -1", {"score": {"scaled": -1.000001}}, "/score/scaled"),
    case("XAPI-00080", "max is less than min", {"score": {"min": 10, "max": 0}}, "/score/min"),
    case("XAPI-00081", "min equals max", {"score": {"min": 5, "max": 5}}, "/score/min"),
    case("XAPI-00082", "raw above max", {"score": {"raw": 11, "min": 0, "max": 10}}, "/score/raw"),
    case("XAPI-00082", "raw below min", {"score": {"raw": -1, "min": 0}}, "/score/raw"),
    case("XAPI-00082", "raw above max alone", {"score": {"raw": 11, "max": 10}}, "/score/raw"),
]
GOOD_DURATIONS: Final = ["PT1M30.256S", "P3Y1M29DT4H35M59.14S", "P4W", "PT16559.14S", "PT0S", "P1D", "P0.5Y", "PT1.5H"]
BAD_DURATIONS: Final = [
    "",
    "P",
    "PT",
    "1M",
    "90",
    "P1",
    "PT1",
    "P1S",
    "PT1D",
    "P4WT1H",
    "P1Y2W",
    "-P1D",
    "PT1,5H30M",
    "pt1m",
]
NO_GRAIN: Final = "P1DT12H36M0.12567S"


@pytest.mark.parametrize("place", STATEMENT_PLACES)
@pytest.mark.parametrize("result", GOOD_RESULTS, ids=json.dumps)
async def test_a_valid_result_is_taken(lrs: Lrs, place: str, result: Any) -> None:
    """XAPI-00074 to XAPI-00083."""
    await lrs.takes(STATEMENT_PLACES[place](result=result))


@pytest.mark.parametrize("place", STATEMENT_PLACES)
@pytest.mark.parametrize(("result", "pointer"), BAD_RESULTS)
async def test_an_invalid_result_is_refused(lrs: Lrs, place: str, result: Any, pointer: str) -> None:
    await lrs.refuses(STATEMENT_PLACES[place](result=result), f"{place}/result{pointer}")


@pytest.mark.parametrize("duration", GOOD_DURATIONS)
async def test_a_duration_with_designators_is_taken(lrs: Lrs, duration: str) -> None:
    """XAPI-00124."""
    await lrs.takes(STATEMENT_PLACES[""](result={"duration": duration}))


@pytest.mark.parametrize("duration", BAD_DURATIONS)
async def test_what_is_no_duration_is_refused(lrs: Lrs, duration: str) -> None:
    """XAPI-00077, XAPI-00124."""
    await lrs.refuses(STATEMENT_PLACES[""](result={"duration": duration}), "/result/duration")


async def test_a_duration_finer_than_a_hundredth_is_taken_and_at_most_cut(lrs: Lrs) -> None:
    """2.0, 4.2.7: not refused, and never rounded."""
    found = await lrs.stored(STATEMENT_PLACES[""](result={"duration": NO_GRAIN}))
    assert found["result"]["duration"] in {NO_GRAIN, "P1DT12H36M0.12S"}
