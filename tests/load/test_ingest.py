"""`make bench-ingest`: what `ingest_bench` prints. Speed is not judged; that nothing is lost or refused is."""

from __future__ import annotations

from typing import Final

import pytest

from shared.runtime.lifecycle import launch
from tests.load.conftest import Say
from tests.load.ingest_bench import Load, measure, report

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]
LOADS: Final = {
    "50": Load(seconds=10),
    "1": Load(seconds=5, batch=1),
    "500": Load(seconds=5, batch=500),
    "streams of 50": Load(seconds=5, is_stream=True),
    "whole house": Load(seconds=10, is_whole=True),
}


@pytest.mark.parametrize(
    "load",
    [
        *(pytest.param(load, id=name) for name, load in LOADS.items()),
        pytest.param(Load(seconds=180), marks=pytest.mark.slow, id="50 for minutes"),
    ],
)
def test_what_eight_clients_send_is_stored_and_told_to_the_last_statement(load: Load, say: Say) -> None:
    measured = launch(measure(load))
    say(report(load, measured))
    assert measured.failures == 0
    assert measured.unread == 0, "an acknowledged statement was not found under its id"
    assert measured.taken.rows == measured.stored == measured.told > 0
