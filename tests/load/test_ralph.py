"""`make bench-ingest`: what `ralph_bench` prints. Speed is not judged; that both took all they were sent is."""

from __future__ import annotations

import pytest

from shared.runtime.lifecycle import launch
from tests.load.conftest import Say
from tests.load.ralph_bench import Load, PeerMissing, measure, report

pytestmark = [pytest.mark.bench, pytest.mark.slow, pytest.mark.timeout(900)]


def test_our_intake_beside_the_api_of_ralph(say: Say) -> None:
    load = Load()
    try:
        measured = launch(measure(load))
    except PeerMissing as error:
        pytest.skip(f"Ralph is not to be had here: {error}")
    say(report(load, measured))
    assert measured.failures == 0
