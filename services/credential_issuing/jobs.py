"""The round of the issuer: its keys are known, erasures are carried out, estimates that waited are decided."""

from __future__ import annotations

import asyncio

from services.credential_issuing.handlers.hearing import erase
from services.credential_issuing.handlers.office import CREDENTIALS_KEY, STATUS_LISTS_KEY, Office
from services.credential_issuing.handlers.retrying import AT_ONCE, retry_waiting
from services.credential_issuing.store.rooms import PostgresEraser, PostgresWaitingRoom
from shared.kernel.clock import Clock
from shared.kernel.signing import encode_multikey


class Rounds:
    """Does what no fact and no caller asks for. In however many processes it runs, each thing is done once."""

    def __init__(
        self, room: PostgresWaitingRoom, eraser: PostgresEraser, office: Office, clock: Clock, pause_seconds: float
    ) -> None:
        self._room = room
        self._eraser = eraser
        self._office = office
        self._clock = clock
        self._pause_seconds = pause_seconds

    async def run(self) -> None:
        """Have the keys listed, then do a round, pause, and so on. Raises Unavailable; it is started again then."""
        keys = [self._office.keys.signer(purpose).public_key for purpose in (CREDENTIALS_KEY, STATUS_LISTS_KEY)]
        did = self._office.issuer.did
        await self._room.register_keys(did, [encode_multikey(key) for key in keys], self._clock.now())
        while True:
            await self.round()
            await asyncio.sleep(self._pause_seconds)

    async def round(self) -> None:
        """Have every erasure carried out, and then every estimate decided whose evidence was heard by now.

        In this order, so that whatever keeps an estimate from being decided keeps nobody from being erased.
        """
        while await erase(self._eraser, self._office.new_fact_id()):
            pass
        while await retry_waiting(self._room, self._office, self._clock.now()) == AT_ONCE:
            pass
