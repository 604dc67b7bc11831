"""A program that sends: `python -m tests.suites.client.sender KIND ORIGIN KEY SPOOL FIRST END`.

It sends the statements numbered from FIRST up to END, one call each, prints each number once `send` has returned, and
at the end waits until all is delivered. Killed, it can be started again behind the last number it printed. KIND is
`thread` or `task`: the client it sends by; `cramped`: by a thread, where files may have CRAMPED_BYTES at most.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import uuid
from typing import Any, Final

from shared.client import AsyncClient, Client, Options

FLUSH_SECONDS: Final = 300.0
LEARNERS: Final = 20
CRAMPED_BYTES: Final = 300_000
PATIENT: Final = Options(wait_seconds=FLUSH_SECONDS)
_NAMESPACE: Final = uuid.UUID("01890000-0000-7000-8000-000000000000")


def numbered(number: int, salt: str) -> dict[str, Any]:
    """Return the statement of this number; `salt` keeps the ids of two tests apart."""
    return {
        "id": str(uuid.uuid5(_NAMESPACE, f"{salt} {number}")),
        "actor": {"account": {"homePage": "https://lms.example", "name": f"learner-{number % LEARNERS}"}},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/answered"},
        "object": {"id": f"https://lms.example/questions/{number}"},
    }


def send_by_thread(origin: str, key: str, spool: str, numbers: range) -> bool:
    """Send, tell, flush; say whether all was delivered."""
    with Client(origin, key, spool, PATIENT) as client:
        for number in numbers:
            client.send(numbered(number, key))
            tell(number)
        return client.flush(FLUSH_SECONDS)


async def send_by_task(origin: str, key: str, spool: str, numbers: range) -> bool:
    """Do the same in an event loop."""
    async with AsyncClient(origin, key, spool, PATIENT) as client:
        for number in numbers:
            await client.send(numbered(number, key))
            tell(number)
        return await client.flush(FLUSH_SECONDS)


def tell(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def main(kind: str, origin: str, key: str, spool: str, first: str, end: str) -> int:
    """Return 0 when all was delivered."""
    numbers = range(int(first), int(end))
    if kind == "cramped":
        resource.setrlimit(resource.RLIMIT_FSIZE, (CRAMPED_BYTES, CRAMPED_BYTES))
    if kind == "task":
        return 0 if asyncio.run(send_by_task(origin, key, spool, numbers)) else 1
    return 0 if send_by_thread(origin, key, spool, numbers) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
