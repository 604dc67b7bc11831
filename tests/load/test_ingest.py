"""`make bench`: what `ingest_bench` prints. Speed is not judged; that nothing is lost or refused is."""

from __future__ import annotations

import pytest

from tests.load.ingest_bench import CORPUS, Load, measure, report

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(not CORPUS.exists(), reason=f"the data folder beside the repository is absent: {CORPUS}"),
]


@pytest.mark.parametrize(("clients", "batch"), [(8, 50), (8, 1), (8, 500)])
async def test_what_is_sent_by_many_clients_is_stored_and_told_to_the_last_statement(clients: int, batch: int) -> None:
    load = Load(seconds=10.0, batch=batch, clients=clients, is_separate=False)
    result = await measure(load)
    print("", *report(load, result), sep="\n")
    assert result.failures == 0
    assert result.statements == result.stored == result.told > 0
