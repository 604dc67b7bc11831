"""`make bench`: what `backbone_bench` prints. Speed is not judged; that nothing is lost or told twice is."""

from __future__ import annotations

import pytest

from shared.runtime.lifecycle import launch
from tests.load.backbone_bench import Load, measure, report
from tests.load.conftest import Say

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]


@pytest.mark.parametrize("facts", [150_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_every_fact_told_is_heard_once_and_rebuilt_to_the_same(facts: int, say: Say) -> None:
    load = Load(facts=facts)
    measured = launch(measure(load))
    say(report(load, measured))
    assert measured.heard == measured.told
    assert measured.held == 0
    live, rebuilt = measured.digests
    assert live == rebuilt != ""
