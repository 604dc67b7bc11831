"""deedlog projects: projects and the git bundles that are submitted as evidence of them."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from cli.answers import ANSWER_IS_NO, Json, facts, show, table, terminal
from cli.api import Api, with_query
from cli.callers import LIMIT, As, Key, Limit, caller
from shared.kernel.errors import Rejected, Unavailable

app = typer.Typer(no_args_is_help=True, help="Open projects, and submit them as git bundles.")
BUNDLE: Final = "application/x-git-bundle"
CHECKED_SECONDS_MAX: Final = 300.0
POLL_SECONDS: Final = 0.2
BUNDLE_SECONDS_MAX: Final = 600.0


@app.command()
def create(
    title: str,
    person: Annotated[str | None, typer.Option("--person", metavar="PERSON", help="Whose project it is.")] = None,
    organisation: Annotated[str | None, typer.Option("--organisation", "-o", metavar="ID")] = None,
    key: Key = None,
    acting: As = None,
    json: Json = False,
) -> None:
    """Open a project for a person (--person), or as one (--as)."""
    named = {"title": title, "person": person, "organisation": organisation}
    with caller(key, acting) as api:
        made = api.post("/v1/projects", {name: value for name, value in named.items() if value is not None})
    show(made, json, lambda: facts(made.items()))


@app.command("list")
def list_projects(
    person: Annotated[str, typer.Argument(metavar="PERSON")], limit: Limit = LIMIT, json: Json = False
) -> None:
    """List a person's projects, newest first."""
    with caller(person=person) as api:
        found = api.items("/v1/projects", limit)
    rows = ((one["id"], one["title"], one["opened_at"]) for one in found)
    show(found, json, lambda: table(("id", "title", "opened"), rows, "no projects yet"))


@app.command("show")
def show_project(project: str, key: Key = None, acting: As = None, json: Json = False) -> None:
    """Show one project."""
    with caller(key, acting) as api:
        found = api.get(f"/v1/projects/{project}")
    show(found, json, lambda: facts(found.items()))


@app.command()
def submit(
    project: str,
    author: Annotated[
        list[str], typer.Option("--author", "-a", help="The person's e-mail in the history; repeatable.")
    ],
    bundle: Annotated[Path | None, typer.Option("--bundle", exists=True, dir_okay=False, help="A git bundle.")] = None,
    repository: Annotated[
        Path | None, typer.Option("--repository", "-r", exists=True, file_okay=False, help="Or a repository to bundle.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Return once it is checked.")] = True,
    key: Key = None,
    acting: As = None,
    json: Json = False,
) -> None:
    """Submit a git history as evidence. Exit code 1 when it was refused after checking."""
    with _bundled(bundle, repository) as file, caller(key, acting) as api:
        path = with_query(f"/v1/projects/{project}/submissions", {"author": author})
        submission = _uploaded(api, path, file, json)
        if wait:
            submission = _checked(api, submission["id"])
    _show(submission, json)
    if submission["state"] == "refused":
        raise typer.Exit(ANSWER_IS_NO)


@app.command()
def submission(submission_id: Annotated[str, typer.Argument(metavar="SUBMISSION")], key: Key = None, acting: As = None,
               json: Json = False) -> None:  # fmt: skip
    """Show a submission: its state, its evidence with grades, or why it was refused."""
    with caller(key, acting) as api:
        _show(api.get(f"/v1/submissions/{submission_id}"), json)


@contextmanager
def _bundled(bundle: Path | None, repository: Path | None) -> Iterator[Path]:
    """Lend the bundle to be sent: the file named, or one made now of all refs of a repository."""
    if (bundle is None) == (repository is None):
        raise Rejected.of("--bundle", "name a bundle or a --repository, one of them", "See deedlog projects submit -h.")
    if bundle is not None:
        yield bundle
        return
    with tempfile.TemporaryDirectory(prefix="deedlog-") as folder:
        file = Path(folder) / "project.bundle"
        command = ["git", "-C", str(repository), "bundle", "create", "--quiet", str(file), "--all"]
        try:
            made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=BUNDLE_SECONDS_MAX)
        except FileNotFoundError:
            raise Rejected.of("--repository", "git is not installed here", "Install git, or send a --bundle.") from None
        except subprocess.TimeoutExpired:
            rule = f"git took longer than {BUNDLE_SECONDS_MAX:g} s to bundle it"
            raise Rejected.of("--repository", rule, "Make the bundle by yourself, and send it by --bundle.") from None
        if made.returncode != 0:
            raise Rejected.of("--repository", f"git says: {made.stderr.strip()}", "Name a repository with commits.")
        yield file


def _uploaded(api: Api, path: str, file: Path, json: bool) -> dict[str, Any]:
    columns = (TextColumn("sending"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=terminal(is_error=True), transient=True, disable=json) as progress:
        task = progress.add_task("sending", total=file.stat().st_size)
        return dict(api.upload(path, file, BUNDLE, lambda count: progress.update(task, advance=count)))


def _checked(api: Api, submission_id: str) -> dict[str, Any]:
    """Return the submission once it is checked. Raises Unavailable when that takes too long."""
    ends_at = time.monotonic() + CHECKED_SECONDS_MAX
    while (found := api.get(f"/v1/submissions/{submission_id}"))["state"] not in {"accepted", "refused"}:
        if time.monotonic() > ends_at:
            raise Unavailable(f"{submission_id} is still being checked; look later: deedlog projects submission")
        time.sleep(POLL_SECONDS)
    return dict(found)


def _show(submission: dict[str, Any], json: bool) -> None:
    show(submission, json, lambda: _outline(submission))
    if not json and submission["evidence"]:
        rows = ((one["kind"], one["grade"], one["summary"]) for one in submission["evidence"])
        terminal().print(table(("evidence", "grade", "what was found"), rows, ""))


def _outline(submission: dict[str, Any]) -> Any:
    share = submission.get("authorship_share")
    refusal = submission.get("refusal") or {}
    return facts(
        [
            ("id", submission["id"]),
            ("state", submission["state"]),
            ("author", submission["author"]),
            ("commits", submission.get("commits")),
            ("authorship", None if share is None else f"{share:.0%}"),
            ("reviewers", submission.get("reviewers")),
            ("refused", refusal.get("message")),
        ]
    )
