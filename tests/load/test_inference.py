"""`make bench`: what `inference_bench` and `learning_bench` print. Speed is not judged.

That every fact is heard and told of is, and that a step has the same bits interpreted and compiled.
"""

from __future__ import annotations

import pytest

from shared.runtime.lifecycle import launch
from tests.load import learning_bench
from tests.load.conftest import Say
from tests.load.inference_bench import Load, measure_carried, measure_handed, report_carried, report_handed

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]


@pytest.mark.parametrize("facts", [10_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_facts_handed_over_are_all_heard_and_fold_to_the_same_again(facts: int, say: Say) -> None:
    load = Load(facts=facts)
    handed = launch(measure_handed(load))
    say(report_handed(load, handed))
    assert handed.heard == handed.given
    assert handed.held == 0
    live, rebuilt = handed.digests
    assert live == rebuilt != ""


@pytest.mark.parametrize("seconds", [12.0, pytest.param(120.0, marks=pytest.mark.slow)])
def test_whoever_is_seen_first_has_an_estimate_told(seconds: float, say: Say) -> None:
    load = Load(seconds=seconds)
    carried = launch(measure_carried(load))
    say(report_carried(load, carried))
    assert len(carried.latencies) == carried.strangers > 0


@pytest.mark.parametrize("observations", [100_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_step_has_the_same_bits_however_fast_it_is(observations: int, say: Say) -> None:
    load = learning_bench.Load(observations=observations)
    learned = learning_bench.measure(load)
    say(learning_bench.report(load, learned))
    assert learned.is_same
