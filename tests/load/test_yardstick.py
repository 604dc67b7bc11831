"""What a bench says of a cost it could not read."""

from __future__ import annotations

from tests.load.yardstick import Spent, cost


def test_a_plain_loop_that_was_over_before_its_processor_time_moved_is_told_without_a_ratio() -> None:
    said = "\n".join(cost(Spent(1_000, 0.5, {"record": 0.1}), Spent(1_000, 0.01, {"postgres": 0.0}), "fact"))
    assert "100,000 rows/s" in said
    assert "times its CPU" not in said
