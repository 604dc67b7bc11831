"""deedlog demo: the sample platform and its three people, played against a running house, or one started for it."""

from __future__ import annotations

import io
import json as jsonlib
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from cli.answers import ANSWER_IS_NO, Json, facts, show, terminal
from cli.api import Api, operator
from cli.credentials import presentation_of
from cli.demo.play import Demonstration, Person, Played
from cli.profile import cut_points_of
from cli.profile_drawing import draw_profile
from cli.surroundings import Surroundings
from infra.embedded.home import make_folder
from infra.embedded.keeper import end, keep_detached
from shared.kernel.clock import SystemClock
from shared.kernel.errors import Unavailable
from shared.verifier.cli import run_trust_add, run_verify

app = typer.Typer()

FILE: Final = "credential.json"
FOLDER: Final = "demo"


@app.command()
def demo(json: Json = False) -> None:
    """Play the demonstration: three sample people, from their first event to a credential verified offline.

    Uses the house that runs in the data folder; starts one for the time of the play when none does.
    """
    if shutil.which("git") is None:
        raise Unavailable("the sample projects are git bundles and git was not found; install git and try again")
    around = Surroundings.look()
    console = terminal(is_error=json)
    with _house(around, console) as was_running, operator(around) as api:
        drawn = _Bars(console)
        with drawn.progress:
            played = Demonstration(api, SystemClock(), drawn).play()
        if not json:
            _draw_profiles(console, api, played)
        holder = played.people[0]
        credential = api.as_caller(holder.token).get(f"/v1/people/{holder.id}/credentials")["items"][0]["id"]
        file = _write_presentation(around, api.as_caller(holder.token), credential)
        _pin_this_house(around, api, file)
    said = io.StringIO()
    code = run_verify(file, around.trust_file(), SystemClock().now(), json, said)
    answer = _answer(played, file, credential, code == 0)
    show(answer, json, lambda: None)
    if not json:
        _say_what_next(console, played, file, said.getvalue(), was_running)
    if code:
        raise typer.Exit(ANSWER_IS_NO)


@contextmanager
def _house(around: Surroundings, console: Console) -> Iterator[bool]:
    """Have a house while the context lasts; yield whether it ran before. One that was started here is stopped."""
    if around.origin is not None or around.running() is not None:
        yield True
        return
    console.print(Text("No house runs in the data folder: starting one for the demonstration.", style="dim"))
    keep_detached(around.home, around.layout())
    try:
        yield False
    finally:
        end(around.home)


class _Bars:
    """Draws each act as a bar with what was done last."""

    def __init__(self, console: Console) -> None:
        self.progress = Progress(
            TextColumn("{task.description:<46}"),
            BarColumn(24),
            TextColumn("{task.completed:>2.0f}/{task.total:<2.0f}"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[done]}"),
            console=console,
        )
        self._act: TaskID | None = None

    def act(self, title: str, steps: int) -> None:
        """Begin an act of so many steps."""
        self._act = self.progress.add_task(title, total=steps, done="")

    def step(self, what: str) -> None:
        """Say that one step is done."""
        if self._act is not None:
            self.progress.update(self._act, advance=1, done=what)


def _draw_profiles(console: Console, api: Api, played: Played) -> None:
    for person in played.people:
        profile = api.as_caller(person.token).get(f"/v1/people/{person.id}/profile")
        console.print()
        console.print(Text(person.player.headline, style="italic"))
        console.print(draw_profile(profile, person.player.name, cut_points_of(api, profile)))


def _write_presentation(around: Surroundings, holder: Api, credential: str) -> Path:
    folder = around.home.path / FOLDER
    make_folder(folder)
    file = folder / FILE
    file.write_text(jsonlib.dumps(presentation_of(holder, credential), ensure_ascii=False) + "\n")
    return file


def _pin_this_house(around: Surroundings, api: Api, file: Path) -> None:
    """Pin the keys of this very house, as its operator; a stranger would get them from a source they believe."""
    document: dict[str, Any] = jsonlib.loads(file.read_text())["did_document"]
    keys = [one["publicKeyMultibase"] for one in document["verificationMethod"]]
    quiet = io.StringIO()
    for words in ([document["id"], *keys], [api.text("/log/vkey").strip()]):
        if run_trust_add(words, around.trust_file(), quiet):
            raise Unavailable(f"the keys of this house could not be pinned: {quiet.getvalue()}")


def _answer(played: Played, file: Path, credential: str, is_valid: bool) -> dict[str, Any]:
    def of(person: Person) -> dict[str, Any]:
        return {"name": person.player.name, "id": person.id, "submissions": person.submissions}

    return {
        "people": [of(person) for person in played.people],
        "employer": played.employer,
        "grant": played.grant,
        "credential": credential,
        "file": str(file),
        "is_valid": is_valid,
    }


def _say_what_next(console: Console, played: Played, file: Path, verdict: str, was_running: bool) -> None:
    holder = played.people[0]
    console.print()
    sys.stdout.write(verdict)
    start = [] if was_running else [("start the house", "make run")]
    console.print()
    console.print(Text("What to try next", style="bold"))
    console.print(
        facts(
            [
                *[(f"  {name}", command) for name, command in start],
                ("  verify it again, offline", f"deedlog verify {file}"),
                ("  see the profile", f"deedlog profile show {holder.id}"),
                ("  what an employer sees", f"deedlog profile show {holder.id} --key {played.employer_key}"),
                ("  the record behind it", f"deedlog record show {holder.id}"),
                ("  who looked", f"deedlog consents accesses {holder.id}"),
                ("  end the consent", f"deedlog consents withdraw {played.grant} --as {holder.id}"),
                ("  everything in order?", "deedlog doctor"),
            ]
        )
    )
