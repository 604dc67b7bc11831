"""`make bench`: what `search_bench` prints. Speed is not judged; that no question reads a whole table is."""

from __future__ import annotations

import pytest

from shared.runtime.lifecycle import launch
from tests.load.conftest import Say
from tests.load.search_bench import Load, measure, report
from tests.load.yardstick import line

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3_600)]


@pytest.mark.parametrize(
    "load",
    [
        Load(statements=1_000_000),
        pytest.param(Load(statements=1_000_000, batch=1), marks=pytest.mark.slow),
        pytest.param(Load(statements=5_000_000), marks=pytest.mark.slow),
    ],
    ids=["million", "million-one-by-one", "five-million"],
)
def test_whatever_is_asked_for_is_found_by_an_index(load: Load, say: Say) -> None:
    def progress(text: str) -> None:
        say([line("", text)])

    measured = launch(measure(load, progress))
    say(report(load, measured))
    for plan in measured.plans.values():
        assert "Seq Scan" not in plan
        assert "  Sort" not in plan
