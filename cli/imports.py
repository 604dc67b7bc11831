"""deedlog import: a history of learning events goes into the house, from a file or from another record store.

Killed anywhere, the same command goes on: the house knows how much of a file it has, and stores every event once.
"""

from __future__ import annotations

import json as jsonlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final, TextIO

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from cli.answers import ANSWER_IS_NO, Json, facts, printable, show, terminal
from cli.api import Api
from cli.callers import Key, caller
from cli.import_pull import Note, Pull, RecordStore
from cli.import_upload import carried_over, has_refused, reported
from cli.surroundings import Surroundings
from shared.kernel.errors import Rejected

app = typer.Typer()
LINES_SHOWN: Final = 20


@app.command("import")
def import_(
    file: Annotated[
        str | None, typer.Argument(help="JSON lines of xAPI, Caliper or CloudEvents, also gzip or zstd; - for stdin.")
    ] = None,
    key: Key = None,
    report: Annotated[Path | None, typer.Option("--report", help="Where to write the lines not taken.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Import a file anew that was imported before.")] = False,
    from_lrs: Annotated[str | None, typer.Option("--from-lrs", metavar="URL", help="Pull another store's.")] = None,
    user: Annotated[str, typer.Option("--user", help="Of the other store.")] = "",
    password: Annotated[
        str, typer.Option("--password", envvar="DEEDLOG_LRS_PASSWORD", help="Better set as DEEDLOG_LRS_PASSWORD.")
    ] = "",
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="Pull what was stored later.")] = None,
    json: Json = False,
) -> None:
    """Import a history of learning events, each stored once, however often this is killed and run again.

    With an organisation's key (--key or DEEDLOG_KEY, scope write). Lines that are not taken are told on
    standard error, or in --report as JSON lines. Exit code 1 when there are some.
    """
    if (file is None) is (from_lrs is None):
        raise Rejected.of("FILE", "either a file or --from-lrs is imported", "Name one of the two; - is stdin.")
    with caller(key) as api, _Session(api, report, json) as session:
        if from_lrs is not None:
            with RecordStore(from_lrs, user, password) as store:
                answer = session.pull(Pull(store, spool_folder(), user), since)
        else:
            with _opened(str(file)) as opened:
                answer = session.take(opened, str(file), is_again=again)
    show(answer, json, lambda: _drawn(answer))
    if session.has_refused:
        raise typer.Exit(ANSWER_IS_NO)


def spool_folder(around: Surroundings | None = None) -> Path:
    """Return the folder for what is under way, beside the data folder."""
    home = (around or Surroundings.look()).home.path
    return home.with_name(f"{home.name}.imports")


class _Session:
    """One run of the command: its progress bar, and where lines that were not taken are told."""

    def __init__(self, api: Api, report: Path | None, as_json: bool) -> None:
        self._api = api
        self._as_json = as_json
        self._path = report
        self._report: TextIO | None = None
        self._shown = 0
        self.has_refused = False
        columns = (TextColumn("{task.description:<12}"), BarColumn(), TextColumn("{task.fields[what]}"))
        self._progress = Progress(
            *columns, TimeRemainingColumn(), console=terminal(is_error=True), transient=True, disable=as_json
        )
        self._task: TaskID = self._progress.add_task("", total=None, what="")

    def __enter__(self) -> _Session:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
        if self._report is not None:
            self._report.close()

    def take(self, opened: BinaryIO, name: str, *, is_again: bool = False, purpose: str = "") -> dict[str, Any]:
        """Return the import of a file once it has ended, its bad lines told."""
        self._begin_report(is_gone_on=False)
        one = carried_over(self._api, opened, name, self._watch, is_again=is_again, purpose=purpose)
        self.has_refused |= has_refused(one)
        for line in reported(self._api, one):
            self._tell({"import": one["id"], **line})
        return one

    def pull(self, pull: Pull, since: str | None) -> dict[str, Any]:
        """Return the counts of everything another store had, once it is imported.

        What was told of a pull that broke off stays in the report when it is gone on with.
        """
        self._begin_report(is_gone_on=pull.is_gone_on)
        note = pull.run(since, lambda spool, name: self.take(spool, "the store", purpose=name), self._watch_pull)
        counts = note.counts
        return {"statements": note.statements, "counts": counts, "last_stored": note.last_stored}

    def _begin_report(self, *, is_gone_on: bool) -> None:
        """Have the report open, once: empty, or behind what stands in it."""
        if self._path is not None and self._report is None:
            self._report = self._path.open("a" if is_gone_on else "w")

    def _watch(self, one: dict[str, Any]) -> None:
        is_upload = one["state"] == "receiving"
        done = one["received_bytes"] if is_upload else one["consumed_bytes"]
        what = f"{done >> 20} of {one['bytes'] >> 20} MiB, {one['lines']} lines"
        description = "uploading" if is_upload else "recording"
        self._progress.update(self._task, description=description, total=one["bytes"], completed=done, what=what)

    def _watch_pull(self, note: Note) -> None:
        self._progress.update(self._task, description="pulling", what=f"{note.statements} statements")

    def _tell(self, line: dict[str, Any]) -> None:
        self._shown += 1
        if self._report is not None:
            self._report.write(jsonlib.dumps(line, ensure_ascii=False) + "\n")
        elif self._as_json:
            sys.stderr.write(jsonlib.dumps(line, ensure_ascii=False) + "\n")
        elif self._shown <= LINES_SHOWN:
            where = f"line {line['line']}: {line['pointer'] or 'the whole line'}"
            self._say(f"{where}: {line['rule']}. {line['mend']}")
        elif self._shown == LINES_SHOWN + 1:
            self._say("… and more; name a file with --report for all of them.")

    def _say(self, text: str) -> None:
        self._progress.console.print(Text(printable(text)))


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    """Lend what is to be imported, to be read from any place. Standard input is kept in a file without a name."""
    if name != "-":
        try:
            with Path(name).open("rb") as opened:
                yield opened
        except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
            raise Rejected.of(name, f"it cannot be read ({error.strerror})", "Name a file, or - for stdin.") from None
        return
    folder = spool_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as kept:
        shutil.copyfileobj(sys.stdin.buffer, kept)
        yield kept


def _drawn(answer: dict[str, Any]) -> Any:
    counts = answer["counts"]
    pairs: list[tuple[str, Any]] = [(name, answer[name]) for name in ("id", "state", "lines") if name in answer]
    if "statements" in answer:
        pairs.append(("statements", answer["statements"]))
    pairs += [("stored", counts["stored"]), ("there already", counts["duplicate"])]
    pairs += [(name, counts[name] or None) for name in ("conflict", "invalid")]
    if refusal := answer.get("refusal"):
        pairs.append(("refused", f"{refusal['rule']}. {refusal['mend']}"))
    if rate := answer.get("lines_per_second"):
        pairs.append(("lines/s", rate))
    return facts(pairs)
