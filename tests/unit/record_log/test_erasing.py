"""A round of erasures carries out what can be, looks at each once, and ends."""

from __future__ import annotations

from services.record_log.handlers.erasing import Erasure, carry_out
from shared.kernel.ids import PersonId

ADA, BEA, CYD = (Erasure(PersonId(name), "identity", 5) for name in ("ada", "bea", "cyd"))


class Ledger:
    """Erasures of which those of busy people can never be closed: of them something is told all the time."""

    def __init__(self, open_: list[Erasure], busy: set[Erasure], entries_each: int = 0) -> None:
        self.open = open_
        self.left = dict.fromkeys(open_, entries_each)
        self._busy = busy

    async def due(self, after: Erasure | None) -> Erasure | None:
        place = ("", "") if after is None else (after.person, after.source)
        return next((one for one in self.open if (one.person, one.source) > place), None)

    async def empty_entries(self, erasure: Erasure, limit: int) -> int:
        count = min(limit, self.left[erasure])
        self.left[erasure] -= count
        return count

    async def untie_heads(self, erasure: Erasure, limit: int) -> int:
        return 0

    async def close(self, erasure: Erasure) -> bool:
        if erasure in self._busy:
            return False
        self.open.remove(erasure)
        return True


async def test_one_that_cannot_end_yet_keeps_no_other_waiting() -> None:
    ledger = Ledger([ADA, BEA, CYD], busy={ADA})
    assert await carry_out(ledger) == 2
    assert ledger.open == [ADA]


async def test_what_opens_the_entries_is_destroyed_to_the_last_though_the_erasure_cannot_end_yet() -> None:
    ledger = Ledger([ADA, BEA], busy={ADA, BEA}, entries_each=1_201)
    assert await carry_out(ledger, limit=500) == 0
    assert ledger.left == {ADA: 0, BEA: 0}
