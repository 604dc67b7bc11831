"""deedlog doctor: looks at everything and says what is wrong, and the next command to type."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, Final

import typer
from rich.table import Table
from rich.text import Text

from cli.answers import ANSWER_IS_NO, Json, printable, show, terminal
from cli.api import operator
from cli.surroundings import Surroundings
from infra.embedded.examination import examine
from infra.embedded.finding import Finding, judged, note, wrong
from shared.kernel.errors import DeedlogError

app = typer.Typer()
RELAY_LAG_MAX: Final = 10_000
"""Facts that wait to be told; imports pause long before."""
AREAS: Final = ("house", "processes", "services", "limits", "files", "versions")
_MARKS: Final = {"fine": ("ok", "green"), "note": ("--", "yellow"), "wrong": ("NO", "bold red")}


@app.command()
def doctor(json: Json = False) -> None:
    """Look at everything, and say the next step.

    At every dependency, and at every limit of embedded mode with its present value.
    Exit code 1 when something is wrong.
    """
    around = Surroundings.look()
    state = around.running()
    layout = around.layout() if state is None else around.layout_of(state)
    found = asyncio.run(examine(around.home, layout, state))
    if state is not None:
        found += _services(around)
    ills = [one for one in found if one.judgement == "wrong"]
    show({"is_fine": not ills, "findings": [one.as_json() for one in found]}, json, lambda: _drawn(found))
    if not json:
        _verdict(found, ills)
    if ills:
        raise typer.Exit(ANSWER_IS_NO)


def _services(around: Surroundings) -> list[Finding]:
    """Return what the services say of themselves, asked as the operator over the public API."""
    try:
        with operator(around) as api:
            services = api.get("/v1/services")["items"]
    except DeedlogError as error:
        return [wrong("services", "asked", str(error), next_step="deedlog status")]
    return [finding for one in services for finding in _service(one)]


def _service(one: dict[str, Any]) -> Iterator[Finding]:
    name = one["service"].replace("_", " ")
    if not one["is_reachable"] or not one["is_ready"]:
        yield wrong("services", name, one["reason"], next_step="deedlog status")
    if not one["is_reachable"]:
        return
    hearings, lag = one["hearings"], one["relay_lag_facts"]
    facts, parked, aside = (sum(each[what] for each in hearings) for what in ("facts", "parked", "set_aside"))
    told = f"told {one['facts_told']} facts ({lag} on their way), heard {facts} from {len(hearings)} sources"
    yield judged(lag <= RELAY_LAG_MAX, "services", name, told, mend=f"{RELAY_LAG_MAX} may wait; look at the broker")
    letters = f"deedlog dlq list --service {one['service']}"
    if parked:
        yield wrong("services", name, f"{parked} streams are parked", next_step=letters)
    if aside:
        yield note("services", name, f"{aside} facts were set aside, each with its reason", next_step=letters)


def _drawn(found: Iterable[Finding]) -> Table:
    drawn = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1))
    drawn.add_column(no_wrap=True)
    drawn.add_column(no_wrap=True)
    drawn.add_column(overflow="fold")
    drawn.add_column(style="dim", overflow="fold")
    for area in sorted({one.area for one in found}, key=AREAS.index):
        drawn.add_row("", Text(area, style="bold"), "", "")
        for one in (each for each in found if each.area == area):
            mark, style = _MARKS[one.judgement]
            aside = " → ".join(part for part in (one.limit, one.next) if part)
            drawn.add_row(Text(mark, style=style), f"  {one.name}", Text(printable(one.value)), Text(printable(aside)))
    return drawn


def _verdict(found: list[Finding], ills: list[Finding]) -> None:
    console = terminal()
    if not ills:
        told = f": {len(found)} looked at, {sum(one.judgement == 'note' for one in found)} notes"
        console.print(Text.assemble(("All is well", "bold green"), told))
        return
    console.print(Text(f"{len(ills)} wrong:", style="bold red"))
    for one in ills:
        next_step = f"; next: {one.next}" if one.next else ""
        console.print(Text(printable(f"  {one.area}, {one.name}: {one.value}{next_step}")))
