"""deedlog calibrate: fits a calibration release to the house's own evidence, in a process of its own."""

from __future__ import annotations

import asyncio
import importlib.util
import json as json_text
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.answers import Json, facts, show, terminal
from cli.surroundings import Surroundings
from infra.embedded.environment import ROOT
from infra.embedded.home import Secrets
from infra.embedded.lending import lent_postgres
from infra.embedded.ports import HOST
from infra.embedded.process import BARE_ENVIRONMENT
from shared.kernel.errors import Rejected, Unavailable

app = typer.Typer()

SERVICE: Final = "skill_inference"
NEEDED: Final = ("numpy", "numba", "scipy", "matplotlib")
SETUP: Final = "make setup-calibration"


@app.command()
def calibrate(
    out: Annotated[Path, typer.Option("--out", help="A folder with nothing in it; it is made.")] = Path("calibration"),
    json: Json = False,
) -> None:
    """Fit a calibration release to the evidence of this house.

    Writes the release, its annexes, whether its chances come true, and whom it would move by how much. Changes nothing
    in the house. The folder names reviewers and people: keep it as safe as the house.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise Rejected.of("calibrate", f"it needs {', '.join(missing)}, not installed here", f"Run: {SETUP}.")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=terminal(is_error=True), transient=True, disable=json) as progress:
        answer = asyncio.run(_calibrated(out.absolute(), progress))
    show(answer, json, lambda: facts(_pairs(answer, out)))


async def _calibrated(folder: Path, progress: Progress) -> dict[str, Any]:
    home = Surroundings.look().home
    async with lent_postgres(home) as server:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"services.{SERVICE}.calibration", "--out", str(folder)),
            env=_variables(home.secrets(), server.port),
            stdout=PIPE,
        )
        return await _last(process, progress)


def _variables(secrets: Secrets, port: int) -> dict[str, str]:
    """Return all that the process is told: nothing of the caller's own environment is among it."""
    own = f"DEEDLOG_{SERVICE.upper()}_DATABASE"
    urls = {
        f"{own}_{role.upper()}_URL": f"postgresql://{SERVICE}_{role}:{password}@{HOST}:{port}/deedlog_{SERVICE}"
        for role, password in secrets.passwords[SERVICE].items()
    }
    path = f"{ROOT}:{ROOT / 'proto' / 'gen'}"
    return {**BARE_ENVIRONMENT, **urls, "PYTHONPATH": path, "DEEDLOG_SERVICE_TOKEN": secrets.service_token}


async def _last(process: Process, progress: Progress) -> dict[str, Any]:
    """Return the last line, drawing those before it. Raises Rejected for a refusal, Unavailable where it broke off."""
    last: dict[str, Any] = {}
    steps: dict[str, Any] = {}
    while process.stdout is not None and (line := await process.stdout.readline()):
        last = json_text.loads(line)
        if "step" in last:
            name = last["step"]
            steps[name] = steps[name] if name in steps else progress.add_task(name, total=None)
            progress.update(steps[name], completed=last["done"], total=last["total"])
    await process.wait()
    if "refused" in last:
        raise Rejected(last["refused"])
    if not last.pop("is_done", False):
        raise Unavailable("the calibration broke off without a word; what it wrote to standard error says why")
    return last


def _pairs(answer: dict[str, Any], out: Path) -> list[tuple[str, Any]]:
    moved = answer["changes"]
    over = ", ".join(f"{count} by more than {bound}" for bound, count in moved["moved_by_more_than"].items())
    claims = f"{moved['claims_higher']} higher, {moved['claims_lower']} lower"
    return [
        ("release", answer["release"]),
        ("fitted to", f"{answer['outcomes']} outcomes, {answer['reviews']} reviews"),
        ("kept as it was", "; ".join(answer["kept"]) or None),
        ("off on average", answer.get("calibration_error")),
        ("readout", _readout(answer.get("readout"))),
        ("told marks", "; ".join(_told(one) for one in answer.get("told_marks", [])) or None),
        ("estimates", f"{moved['estimates']} of {moved['people']} people; {over}"),
        ("claims", claims),
        ("folder", str(out)),
    ]


def _told(scale: dict[str, Any]) -> str:
    """Return how marks of one scale are told, and how well that agrees with marks of people held out."""
    words = f"0 to {scale['highest_mark']}: " + ("by cut points" if scale["is_written"] else "rounded")
    if scale["reason"]:
        words += f", {scale['reason']}"
    if "agreement" in scale:
        words += f"; agreement {scale['agreement']['told']:.3f}, rounded {scale['agreement']['rounded']:.3f}"
    return words


def _readout(found: dict[str, Any] | None) -> str | None:
    """Return how people held out were served, beside what the state alone said of them."""
    if found is None:
        return None
    words = [found["reason"]] if found["reason"] else []
    held_out = found.get("held_out")
    if held_out is not None:
        words.append(f"{held_out['outcomes']} outcomes of {held_out['people']} people held out")
        words += [
            f"{name}: AUC {one['auc']:.4f}, log loss {one['loss']:.4f}, off by {one['ece']:.4f}"
            for name, one in ((name, held_out[name]) for name in ("served", "state"))
        ]
    return "; ".join(words)
