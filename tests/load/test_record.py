"""`make bench`: what `record_bench` prints. Speed is not judged; that nothing is lost or recorded twice is."""

from __future__ import annotations

import pytest

from shared.runtime.lifecycle import launch
from tests.load.conftest import Say
from tests.load.record_bench import Load, measure, report

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]


@pytest.mark.parametrize(
    "load",
    [
        pytest.param(Load(facts=10_000, credentials=1_000), id="10000"),
        pytest.param(Load(facts=100_000, credentials=10_000), id="100000", marks=pytest.mark.slow),
    ],
)
def test_every_fact_is_one_entry_and_every_earned_level_one_credential(load: Load, say: Say) -> None:
    measured = launch(measure(load))
    say(report(measured))
    assert {one.what: one.made for one in measured} == {one.what: one.due for one in measured}
