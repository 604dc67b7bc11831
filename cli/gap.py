"""deedlog gap and deedlog explain: what lies between a person and a role, and why a level is what it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from cli.answers import Json, printable, show, table
from cli.callers import Key, caller
from cli.surroundings import Surroundings

CHANCE_COLUMNS = 20
app = typer.Typer(no_args_is_help=True, help="Compare people with roles, and explain levels.")

Person = Annotated[str, typer.Argument(metavar="PERSON")]


@app.command("gap")
def show_gap(
    person: Person,
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="The role's id, as /v1/roles lists them.")],
    key: Key = None,
    json: Json = False,
) -> None:
    """Show what lies between a person and a role: as the person, or as an organisation with its key."""
    is_organisation = key is not None or Surroundings.look().key is not None
    with caller(key, None if is_organisation else person) as api:
        found = api.get(f"/v1/people/{person}/gap", role=role)
    show(found, json, lambda: draw_gap(found))


@app.command("explain")
def explain(
    person: Person,
    skill: Annotated[str, typer.Argument(metavar="SKILL")],
    without: Annotated[
        list[str] | None,
        typer.Option("--without", metavar="FACT", help="What it would be without this fact; again for more."),
    ] = None,
    json: Json = False,
) -> None:
    """Show what moved a person's level in a skill, fact by fact, as the person."""
    asked = urlencode([("skill", skill), *(("without", fact) for fact in without or ())])
    with caller(None, person) as api:
        found = api.get(f"/v1/people/{person}/explanation?{asked}")
    show(found, json, lambda: draw_explanation(found))


def draw_gap(gap: Mapping[str, Any]) -> RenderableType:
    """Return a gap, as `GET /v1/people/{id}/gap` gives it, drawn for a terminal."""
    rows = [
        (
            one["skill"],
            one["weight"],
            f"{one['level'] if one['observations'] else '?'} of {one['target']}",
            f"{chance_bar(one['chance'], is_seen=bool(one['observations']))} {one['chance']:.2f}",
            f"{one['distance']:+.2f}",
            _missing(one),
        )
        for one in gap["skills"]
    ]
    drawn: RenderableType = table(
        ("skill", "weight", "level", "chance that the target is reached", "distance", "missing"), rows, ""
    )
    if not all(one["observations"] for one in gap["skills"]):
        legend = "░ and ?: nothing was seen of the skill; the chance is a guess from the person's others"
        drawn = Group(drawn, Text(legend, style="dim"))
    lines = [*_summary(gap), *_suggested(gap.get("suggestions", []))]
    return Group(drawn, *(Text(printable(line)) for line in lines), Text(printable(gap["notice"]), style="dim"))


def draw_explanation(found: Mapping[str, Any]) -> RenderableType:
    """Return an explanation, as `GET /v1/people/{id}/explanation` gives it, drawn for a terminal."""
    estimate = found["estimate"]
    rows = [
        (one["fact"], one["source"], one["occurred_at"], f"{one['logits']:+.4f}") for one in estimate["contributions"]
    ]
    lines = [
        f"{estimate['skill']}: level {estimate['level']}, mean {estimate['mean']:.3f} logits",
        f"= {estimate['prior']:.3f} to begin with, and what follows ({found['contributions_count']} facts in all):",
    ]
    after = [f"in {one['months']} months without evidence: level {one['level']}" for one in found["outlook"]]
    return Group(
        *map(Text, map(printable, lines)),
        table(("fact", "told by", "when", "logits"), rows, ""),
        *map(Text, [f"all others together: {estimate['contributions_rest']:+.4f}", *after, *_without(found)]),
    )


def chance_bar(chance: float, *, is_seen: bool) -> str:
    """Return a chance of 0 to 1 as a bar of CHANCE_COLUMNS characters, light where it is a guess from other skills."""
    filled = min(CHANCE_COLUMNS, max(0, round(chance * CHANCE_COLUMNS)))
    return ("█" if is_seen else "░") * filled + "·" * (CHANCE_COLUMNS - filled)


def _missing(one: Mapping[str, Any]) -> str:
    named = ", ".join(lack["requirement"] for lack in one["missing"]) or "nothing"
    return named if one["observations"] else "evidence of any kind"


def _summary(gap: Mapping[str, Any]) -> list[str]:
    experience = gap["experience"]
    expected = f"{gap['readiness']:.0%} of the role's weight is expected to be reached"
    interval = f"between {gap['readiness_low']:.0%} and {gap['readiness_high']:.0%}"
    lines = ["", f"{expected}, {interval}; of {gap['unseen']:.0%} nothing was seen."]
    if experience["is_narrower_than_it_looks"]:
        lines.append(
            f"Narrower than it looks: operational work covers {experience['covered']:.0%}. "
            f"By claims {experience['looks_open']:.0%} is open, by evidence {experience['is_open']:.0%}."
        )
    return lines


def _suggested(suggestions: list[Mapping[str, Any]]) -> list[str]:
    told = [
        f"  {one['kind'].replace('-', ' ')} for {one['skill']} at level {one['target']}: "
        f"{one['gain']:+.1%} if it goes well, chance {one['chance']:.2f}"
        for one in suggestions[:5]
    ]
    return ["What would help most:", *told] if told else []


def _without(found: Mapping[str, Any]) -> list[str]:
    if "without" not in found:
        return []
    left = found["without"].get("estimate")
    said = "nothing would be said" if left is None else f"level {left['level']}, mean {left['mean']:.3f} logits"
    return [f"without {len(found['without']['removed'])} of these facts: {said}"]
