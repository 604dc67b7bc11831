"""One week of a real platform, which nobody here wrote, is taken to the last statement."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from services.learning_events.domain.batch import ReceivedStatement, validate_batch
from services.learning_events.domain.statement import XapiVersion

CORPUS: Final = Path(__file__).resolve().parents[4] / "shared/data/xapi/fun-mooc-statements.json.gz"
BATCH: Final = 500

pytestmark = pytest.mark.skipif(
    not CORPUS.exists(), reason=f"the data folder beside the repository is absent: {CORPUS}"
)


def received(version: XapiVersion) -> list[ReceivedStatement]:
    lines = gzip.decompress(CORPUS.read_bytes()).splitlines()
    now = datetime(2026, 1, 1, tzinfo=UTC)
    batches = [b"[" + b",".join(lines[start : start + BATCH]) + b"]" for start in range(0, len(lines), BATCH)]
    return [
        statement
        for raw in batches
        for statement in validate_batch(raw, now, _no_new_id, version=version).accept_whole()
    ]


def _no_new_id() -> str:
    raise AssertionError("every statement of the corpus has an id")


@pytest.mark.parametrize("version", XapiVersion)
def test_all_22000_real_statements_are_accepted(version: XapiVersion) -> None:
    statements = received(version)
    assert len(statements) == 22_000
    assert len({statement.event.statement_id for statement in statements}) == 22_000
    assert len({statement.event.actor for statement in statements}) == 1_452
    assert len({statement.event.activity_id for statement in statements}) == 10
    assert len({statement.event.verb for statement in statements}) == 8
