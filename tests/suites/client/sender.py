"""A program that sends: `python -m tests.suites.client.sender ORIGIN KEY SPOOL FIRST END`.

It sends the statements numbered from FIRST up to END, one call each, prints each number once `send` has returned, and
at the end waits until all is delivered. Killed, it can be started again behind the last number it printed.
"""

from __future__ import annotations

import sys
import uuid
from typing import Any, Final

from shared.client import Client, Options

FLUSH_SECONDS: Final = 300.0
_NAMESPACE: Final = uuid.UUID("01890000-0000-7000-8000-000000000000")


def numbered(number: int, salt: str) -> dict[str, Any]:
    """Return the statement of this number; `salt` keeps the ids of two tests apart."""
    return {
        "id": str(uuid.uuid5(_NAMESPACE, f"{salt} {number}")),
        "actor": {"account": {"homePage": "https://lms.example", "name": f"learner-{number % 20}"}},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/answered"},
        "object": {"id": f"https://lms.example/questions/{number}"},
    }


def main(origin: str, key: str, spool: str, first: int, end: int) -> int:
    """Send, print, flush; return 0 when all was delivered."""
    with Client(origin, key, spool, Options(wait_seconds=FLUSH_SECONDS)) as client:
        for number in range(first, end):
            client.send(numbered(number, key))
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
        return 0 if client.flush(FLUSH_SECONDS) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4], *map(int, sys.argv[4:6])))  # type: ignore[arg-type]
