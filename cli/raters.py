"""deedlog raters: how reviewers mark, as an operator sees it; a reason to look and nothing more."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from cli.answers import Json, printable, show, table
from cli.callers import LIMIT, Key, Limit, caller

app = typer.Typer()
All = Annotated[bool, typer.Option("--all", help="Also reviewers and pairs without a flag.")]


@app.command("raters")
def raters(everybody: All = False, limit: Limit = LIMIT, key: Key = None, json: Json = False) -> None:
    """Show who marks harshly, leniently or at random, who cannot be compared, and who favours whom.

    It reports and never acts. --json has everything, flagged or not, in logits with 90 % intervals.
    """
    with caller(key) as api:
        found = api.get("/v1/raters")
    show(found, json, lambda: draw_raters(found, everybody, limit))


def draw_raters(found: dict[str, Any], everybody: bool, limit: int) -> RenderableType:
    """Return the report as tables: whoever has a flag, or all; at most `limit` rows each."""
    reviewers = [one for one in found["reviewers"] if everybody or one["flags"]]
    pairs = [one for one in found["pairs"] if everybody or one["flags"]]
    columns = ("reviewer", "severity", "misfit", "reviews", "works", "shared", "people", "shared", "component", "flags")
    listed = table(columns, map(_reviewer, reviewers[:limit]), "no reviewer has a flag")
    favours = table(
        ("person", "person", "favour", "flags"), map(_pair, pairs[:limit]), "no pair who marked each other has a flag"
    )
    return Group(listed, Text(), favours, Text(), Text(_words(found, len(reviewers), len(pairs), limit)))


def _words(found: dict[str, Any], reviewers: int, pairs: int, limit: int) -> str:
    words = [f"{found['reviews']} reviews by {len(found['reviewers'])} reviewers, release {found['release']}."]
    if found["is_newest_only"]:
        words.append("There are more; the newest were read.")
    if found["reviews_left_out_by_wish"]:
        words.append(f"{found['reviews_left_out_by_wish']} left out: by or of people who opted out of inference.")
    if found["components"] > 1:
        words.append(f"{found['components']} components: severities compare within one only.")
    if max(reviewers, pairs) > limit:
        words.append(f"{reviewers} reviewers and {pairs} pairs; see --limit.")
    return printable(" ".join([*words, found["note"]]))


def _reviewer(one: dict[str, Any]) -> tuple[Any, ...]:
    misfit = one["misfit"]
    square = "" if misfit is None else f"{misfit['mean_square']:.2f} ± {misfit['standard_error']:.2f}"
    counts = (one["reviews"], one["works"], one["shared_works"], one["people"], one["shared_people"])
    return one["reviewer"], _interval(one["severity"]), square, *counts, one["component"], one["flags"]


def _pair(one: dict[str, Any]) -> tuple[Any, ...]:
    return *one["people"], _interval(one["favour"]), one["flags"]


def _interval(told: dict[str, float]) -> str:
    return f"{told['logits']:+.2f} ({told['low']:+.2f} … {told['high']:+.2f})"
