"""As whom a command acts: the operator, an organisation by its key, or a person signed in by the operator."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from cli.api import Api
from cli.surroundings import Surroundings, credential_in

Key = Annotated[
    str | None,
    typer.Option(
        "--key", metavar="SECRET", help="An API key's secret. DEEDLOG_KEY is better: others cannot see it in `ps`."
    ),
]
As = Annotated[
    str | None,
    typer.Option("--as", metavar="PERSON", help="Act as this person, signed in by the operator (embedded mode only)."),
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")]
LIMIT: Final = 100


def caller(key: str | None = None, person: str | None = None) -> Api:
    """Return the API as whoever is named: a key, else DEEDLOG_KEY, else the operator; signed in as `person` if given.

    Raises Rejected when there is no credential to show.
    """
    around = Surroundings.look()
    api = Api(around.base_url(), credential_in("--key", key or "") or around.credential())
    return api if person is None else api.as_person(person)
