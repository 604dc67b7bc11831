"""How a command answers: for people in words and tables, for programs in JSON; and how it says what went wrong.

Exit codes, the same everywhere:

    0   fine
    1   the answer is no: refused, not there, not valid, something is wrong
    2   wrong use: the command, a file or a value breaks a rule
    3   unavailable: the house, or what it needs, does not answer; try again
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, Final

import typer
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from shared.kernel.errors import Broken, Conflict, DeedlogError, Forbidden, NotFound, Rejected, Unavailable

FINE: Final = 0
ANSWER_IS_NO: Final = 1
WRONG_USE: Final = 2
UNAVAILABLE: Final = 3
WIDTH: Final = 160
"""Columns of what is not written to a terminal: wide enough that no identifier is cut."""

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]


class Refusal(DeedlogError):
    """The house refused; `problem` holds its problem details (RFC 9457), `status` the HTTP status."""

    code = "refused"

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or f"HTTP {status}"))
        self.status = status
        self.problem = problem


def terminal(*, is_error: bool = False) -> Console:
    """Return what to draw on: the terminal in its own width, anything else wide and plain."""
    stream = sys.stderr if is_error else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else WIDTH, highlight=False, soft_wrap=False)


def show(value: Any, as_json: bool, draw: Callable[[], RenderableType | None]) -> None:
    """The answer stands on standard output: `value` as JSON when that is wanted, else what `draw` returns."""
    if as_json:
        sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
        return
    drawn = draw()
    if drawn is not None:
        terminal().print(drawn)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], empty: str) -> RenderableType:
    """Return a quiet table, its first column (ids) never cut; or the sentence `empty` when there are no rows."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for place, column in enumerate(columns):
        drawn.add_column(column, no_wrap=place == 0, overflow="fold")
    for row in rows:
        drawn.add_row(*(cell if isinstance(cell, Text) else Text(_cell(cell)) for cell in row))
    return drawn if drawn.row_count else Text(empty)


def facts(pairs: Iterable[tuple[str, Any]]) -> RenderableType:
    """Return names and values, one a line; values that are None are left out."""
    drawn = Table(box=None, pad_edge=False, show_header=False)
    drawn.add_column(style="dim", no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, value in pairs:
        if value is not None:
            drawn.add_row(name, value if isinstance(value, Text) else Text(_cell(value)))
    return drawn


def exit_code(error: DeedlogError) -> int:
    """Return the exit code of what went wrong."""
    if isinstance(error, Refusal):
        return _code_of_status(error.status)
    if isinstance(error, Unavailable | Broken):
        return UNAVAILABLE
    if isinstance(error, NotFound | Conflict | Forbidden):
        return ANSWER_IS_NO
    return WRONG_USE if isinstance(error, Rejected) else UNAVAILABLE


def complain(error: DeedlogError, as_json: bool) -> None:
    """Standard error says what happened, why, and what to do."""
    if as_json:
        sys.stderr.write(json.dumps({"error": _as_json(error)}, ensure_ascii=False) + "\n")
        return
    console = terminal(is_error=True)
    console.print(Text.assemble(("deedlog: ", "bold red"), printable(error.message)))
    for fault in _faults(error):
        console.print(Text(f"  {fault['pointer'] or 'the whole input'}: {fault['rule']}. {fault['mend']}"))
    if next_step := _next_step(error):
        console.print(Text.assemble(("  next: ", "dim"), next_step))


def printable(text: str) -> str:
    """Return `text` with every character replaced that a terminal would obey instead of showing."""
    return "".join(one if one.isprintable() or one == "\n" else "\N{REPLACEMENT CHARACTER}" for one in text)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    return "" if value is None else printable(str(value))


def _code_of_status(status: int) -> int:
    if status >= 500 or status == 429:
        return UNAVAILABLE
    return ANSWER_IS_NO if status in {403, 404, 409, 410} else WRONG_USE


def _as_json(error: DeedlogError) -> dict[str, Any]:
    told = error.problem if isinstance(error, Refusal) else {"code": error.code, "detail": error.message}
    return {"exit_code": exit_code(error), **told, "errors": _faults(error), "next": _next_step(error)}


def _faults(error: DeedlogError) -> list[dict[str, str]]:
    if isinstance(error, Refusal):
        told = error.problem.get("errors", [])
        faults = [{name: printable(str(one.get(name, ""))) for name in ("pointer", "rule", "mend")} for one in told]
    elif isinstance(error, Rejected):
        faults = [{"pointer": one.pointer, "rule": one.rule, "mend": one.mend} for one in error.faults]
    else:
        faults = []
    # A single fault is the message already.
    return [fault for fault in faults if fault["rule"] not in error.message]


def _next_step(error: DeedlogError) -> str:
    if isinstance(error, Refusal):
        if error.status == 401:
            return "set DEEDLOG_KEY to a credential of this house, or DEEDLOG_HOME to its data folder"
        if error.status == 403:
            return "use another credential: --key, else DEEDLOG_KEY; with neither set the operator acts"
        return "deedlog doctor" if error.status >= 500 else ""
    return "deedlog doctor" if isinstance(error, Broken) else ""
