"""deedlog profile: what the evidence says of a person, with its uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from cli.answers import Json, show
from cli.api import Api
from cli.callers import Key, caller
from cli.profile_drawing import CUT_POINTS, draw_profile
from cli.surroundings import Surroundings

app = typer.Typer(no_args_is_help=True, help="Read skill profiles.")


@app.callback()
def profile() -> None:
    """Read skill profiles."""


@app.command("show")
def show_profile(
    person: Annotated[str, typer.Argument(metavar="PERSON")],
    key: Key = None,
    json: Json = False,
) -> None:
    """Show a profile: the person's own view (signed in by the operator), or an organisation's with its key.

    An organisation needs the person's consent, and the person sees that it looked.
    """
    is_organisation = key is not None or Surroundings.look().key is not None
    with caller(key, None if is_organisation else person) as api:
        found = api.get(f"/v1/people/{person}/profile")
        cut_points = cut_points_of(api, found)
    show(found, json, lambda: draw_profile(found, cut_points=cut_points))


def cut_points_of(api: Api, profile: dict[str, Any]) -> Sequence[float]:
    """Return the cut points of the release a profile's levels come from; release 0's when it is not to be had."""
    release = next((one["release"] for one in profile["skills"]), None)
    document = api.find(f"/v1/releases/{release}") if release else None
    return tuple(document["cut_points"]) if document else CUT_POINTS
