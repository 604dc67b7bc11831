"""Reads the evidence of a house, fits a release and lays it into a folder. `deedlog calibrate` runs it.

Says how far it is as lines of JSON on standard output; the last holds `is_done`, or `refused` with the reason. Nothing
comes into force by it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any, Final

from services.skill_inference import parameters
from services.skill_inference.calibration.changes import changes
from services.skill_inference.calibration.evidence_log import Everybody
from services.skill_inference.calibration.folder import require_new, write_folder
from services.skill_inference.calibration.making import make_release
from services.skill_inference.domain.claims import parse_claim_rules
from services.skill_inference.domain.framework import parse_framework
from services.skill_inference.domain.observation import Observation
from services.skill_inference.settings import SkillInferenceSettings
from services.skill_inference.store.alignments import AlignmentBook
from services.skill_inference.store.everybody import observed, subjects_after, subjects_count
from services.skill_inference.store.releases import InForce, in_force_or
from shared.kernel import canonical_json
from shared.kernel.clock import SystemClock
from shared.kernel.errors import DeedlogError
from shared.runtime.postgres import open_pool

PAGE: Final = 200
"""Ids whose evidence one transaction reads: a transaction of the backbone's role must end within seconds."""
CONNECTIONS: Final = 2
REPORT_EVERY: Final = 20


def say(step: str, done: int, total: int | None) -> None:
    """Have a line written that says how far a step is. total: None where nobody knows."""
    tell({"step": step, "done": done, "total": total})


def tell(line: dict[str, Any]) -> None:
    """Have a line written at once."""
    sys.stdout.write(canonical_json.dumps(line).decode() + "\n")
    sys.stdout.flush()


async def read_everybody(settings: SkillInferenceSettings) -> Everybody:
    """Return what was seen of everybody. What is heard meanwhile may be among it or not."""
    skills = parse_framework(parameters.framework_document()).skills
    book, everybody, after = AlignmentBook(skills), dict[str, list[Observation]](), ""
    pool = await open_pool(settings.database_backbone_url.get_secret_value(), CONNECTIONS)
    try:
        async with pool.acquire() as connection:
            total, done = await subjects_count(connection), 0
            while subjects := await subjects_after(connection, after, PAGE):
                async with connection.transaction(isolation="repeatable_read", readonly=True):
                    everybody |= await observed(connection, book, skills, subjects)
                after, done = subjects[-1], done + len(subjects)
                say("reading evidence", done, max(total, done))
    finally:
        await pool.close()
    return everybody


async def read_in_force(settings: SkillInferenceSettings) -> InForce:
    """Return the release that people are judged by now."""
    pool = await open_pool(settings.database_backbone_url.get_secret_value(), CONNECTIONS)
    try:
        async with pool.acquire() as connection:
            return await in_force_or(connection, parameters.release_document(settings.release))
    finally:
        await pool.close()


def calibrate(settings: SkillInferenceSettings, folder: Path) -> dict[str, Any]:
    """Have laid a new release into the folder, and return what it comes to. Raises Rejected for too little evidence."""
    require_new(folder)
    everybody = asyncio.run(read_everybody(settings))
    before, trials = asyncio.run(read_in_force(settings)), 0

    def tried(_: float) -> None:
        nonlocal trials
        trials += 1
        if trials % REPORT_EVERY == 1:
            say("fitting", trials, None)

    say("fitting", 0, None)
    made = make_release(everybody, before.document, before.annexes, SystemClock().now().date().isoformat(), tried)
    rule = parse_claim_rules(parameters.claim_rules_document()).standard

    def folded(count: int) -> None:
        if count % REPORT_EVERY == 0 or count == len(everybody):
            say("comparing", count, len(everybody))

    found = changes(everybody, before.release, made.written.release, rule, folded)
    return write_folder(folder, made, found)


def main() -> int:
    """Calibrate as the words of the command line say; return the exit code."""
    words = argparse.ArgumentParser(prog="python -m services.skill_inference.calibration", description=__doc__)
    words.add_argument("--out", type=Path, required=True, help="a folder with nothing in it; it is made")
    folder = words.parse_args().out
    try:
        answer = calibrate(SkillInferenceSettings.load("skill_inference"), folder)
    except DeedlogError as error:
        tell({"refused": str(error), "code": error.code})
        return 1
    tell({**answer, "is_done": True})
    return 0


if __name__ == "__main__":
    sys.exit(main())
