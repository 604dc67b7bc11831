"""`make bench`: what `latency_bench` prints. Speed is not judged; that every statement arrives everywhere is."""

from __future__ import annotations

import pytest

from shared.runtime.lifecycle import launch
from tests.load.conftest import Say
from tests.load.latency_bench import Load, measure, report

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]


@pytest.mark.parametrize("seconds", [12.0, pytest.param(60.0, marks=pytest.mark.slow)])
def test_every_acknowledged_statement_becomes_visible_and_is_heard_by_all(seconds: float, say: Say) -> None:
    load = Load(seconds=seconds)
    measured = launch(measure(load))
    say(report(load, measured))
    assert measured.unseen == 0, "an acknowledged statement never reached the profile"
    assert measured.told == load.people
    assert measured.held == 0
