"""deedlog rebuild: makes what a service derived anew from facts, or checks that it would come out the same."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.answers import ANSWER_IS_NO, Json, facts, show, terminal
from cli.api import Api
from cli.callers import caller
from shared.kernel.errors import Unavailable

app = typer.Typer()


@app.command()
def rebuild(
    service: str,
    check: Annotated[bool, typer.Option("--check", help="Compare only: nothing is switched.")] = False,
    json: Json = False,
) -> None:
    """Make what a service derived anew from facts.

    Beside the live state, to which it is compared before the switch. Exit code 1 when the live state was not
    what its facts say.
    """
    with caller() as api:
        last = _watched(api, service, check, json)
    is_equal = last["live_digest"] == last["rebuilt_digest"]
    answer = {**last, "service": service, "is_equal": is_equal, "is_switched": not check}
    verdict = "the live state is what its facts say" if is_equal else "the live state was NOT what its facts say"
    pairs = [("facts", last["facts"]), ("live", last["live_digest"]), ("rebuilt", last["rebuilt_digest"])]
    show(answer, json, lambda: facts([*pairs, ("so", verdict)]))
    if not is_equal:
        raise typer.Exit(ANSWER_IS_NO)


def _watched(api: Api, service: str, is_check_only: bool, json: bool) -> dict[str, Any]:
    """Return the last report, drawing those before it. Raises Unavailable when the rebuild broke off."""
    last: dict[str, Any] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=terminal(is_error=True), transient=True, disable=json) as progress:
        task = progress.add_task(f"facts heard by {service}", total=None)
        for last in api.lines(f"/v1/services/{service}:rebuild", {"is_check_only": is_check_only}):
            if "error" in last:
                raise Unavailable(f"the rebuild of {service} broke off: {last['error'].get('detail')}")
            progress.update(task, completed=last["facts"], total=last["facts_expected"])
    if not last.get("is_done"):
        raise Unavailable(f"the rebuild of {service} broke off without a word; see: deedlog doctor")
    return last
