"""`make bench`: what `upkeep_bench` prints. Speed is not judged; that all went and all was filled in is."""

from __future__ import annotations

import pytest

from shared.runtime.lifecycle import launch
from tests.load.conftest import Say
from tests.load.upkeep_bench import Load, measure, report

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]


def test_what_is_removed_and_filled_in_is_all_of_it(say: Say) -> None:
    load = Load()
    measured = launch(measure(load))
    say(report(load, measured))
    assert measured.left == 0
    assert measured.sent > 0
