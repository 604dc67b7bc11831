"""deedlog reviews: two reviewers mark a submission on a rubric, blind to each other until both are in."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.answers import Json, facts, show, table
from cli.api import stranger
from cli.callers import As, Key, caller
from shared.kernel.errors import Rejected

app = typer.Typer(no_args_is_help=True, help="Name reviewers, give marks, read reviews and rubrics.")
Submission = Annotated[str, typer.Argument(metavar="SUBMISSION")]


@app.command()
def assign(
    submission: Submission,
    reviewers: Annotated[list[str], typer.Argument(metavar="PERSON PERSON")],
    key: Key = None,
    json: Json = False,
) -> None:
    """Name the two reviewers of a submission; neither may be its author."""
    with caller(key) as api:
        panel = api.post(f"/v1/submissions/{submission}/reviewers", {"reviewers": reviewers})
    show(panel, json, lambda: facts(panel.items()))


@app.command()
def give(
    submission: Submission,
    marks: Annotated[list[str], typer.Argument(metavar="CRITERION=MARK …", help="Such as monitoring=3.")],
    reviewer: Annotated[str, typer.Option("--as", metavar="PERSON", help="The reviewer, signed in by the operator.")],
    note: Annotated[str, typer.Option("--note", help="For the author; stays in the house.")] = "",
    json: Json = False,
) -> None:
    """Give a reviewer's marks, all at once."""
    body = {"marks": [_mark(one) for one in marks], "note": note}
    with caller(person=reviewer) as api:
        review = api.post(f"/v1/submissions/{submission}/reviews", body)
    show(review, json, lambda: _marks([review]))


@app.command("list")
def list_reviews(submission: Submission, key: Key = None, acting: As = None, json: Json = False) -> None:
    """List the reviews the caller may see by now."""
    with caller(key, acting) as api:
        found = api.get(f"/v1/submissions/{submission}/reviews")["items"]
    show(found, json, lambda: _marks(found))


@app.command()
def rubrics(json: Json = False) -> None:
    """List the rubrics with their criteria."""
    with stranger() as api:
        found = api.get("/v1/rubrics")["items"]
    rows = ((one["id"], rubric["id"], one["layer"], one["question"]) for rubric in found for one in rubric["criteria"])
    show(found, json, lambda: table(("criterion", "rubric", "layer", "question"), rows, "no rubrics"))


def _mark(text: str) -> dict[str, Any]:
    criterion, equals, value = text.partition("=")
    if not equals or not value.isascii() or not value.isdigit():
        raise Rejected.of(text[:40], "a mark is a criterion, = and a whole number", "Write it as monitoring=3.")
    return {"criterion": criterion, "value": int(value)}


def _marks(reviews: list[dict[str, Any]]) -> Any:
    rows = ((mark["criterion"], mark["value"], one["reviewer"]) for one in reviews for mark in one["marks"])
    return table(("criterion", "mark", "reviewer"), rows, "nothing to see yet: both reviews must be in")
