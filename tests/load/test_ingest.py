"""`make bench`: what `ingest_bench` prints. Speed is not judged; that nothing is lost or refused is."""

from __future__ import annotations

import pytest

from shared.runtime.lifecycle import launch
from tests.load.conftest import Say
from tests.load.ingest_bench import Load, measure, report

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]


@pytest.mark.parametrize(
    ("batch", "seconds"), [(50, 10.0), (1, 5.0), (500, 5.0), pytest.param(50, 180.0, marks=pytest.mark.slow)]
)
def test_what_eight_clients_send_is_stored_and_told_to_the_last_statement(batch: int, seconds: float, say: Say) -> None:
    load = Load(seconds=seconds, batch=batch)
    measured = launch(measure(load))
    say(report(load, measured))
    assert measured.failures == 0
    assert measured.taken.rows == measured.stored == measured.told > 0
