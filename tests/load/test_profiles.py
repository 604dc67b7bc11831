"""`make bench`: what `profiles_bench` prints. Speed is not judged; that each profile shows what was told last is."""

from __future__ import annotations

import pytest

from shared.runtime.lifecycle import launch
from tests.load.conftest import Say
from tests.load.profiles_bench import Load, measure, report

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]


@pytest.mark.parametrize("seconds", [8.0, pytest.param(120.0, marks=pytest.mark.slow)])
def test_every_profile_shows_the_estimate_that_was_told_last(seconds: float, say: Say) -> None:
    load = Load(seconds=seconds)
    measured = launch(measure(load))
    say(report(load, measured))
    assert measured.wrong == 0
    assert measured.held == 0
