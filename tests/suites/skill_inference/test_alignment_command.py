"""`deedlog alignments` as a platform runs it, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from shared.kernel.ids import system_id
from tests.suites.skill_inference.house import House, Tenant, line, table
from tests.unit.skill_inference.people import APIS, DRIFT

ROOT: Final = Path(__file__).resolve().parents[3]
DRIFTS: Final = "https://lms.example/quiz/drift-detection"

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def command(tenant: Tenant, home: Path, *words: str) -> tuple[int, str]:
    """Return the exit code of a command and what it answered."""
    secret = tenant.caller()["authorization"].removeprefix("Bearer ")
    origin = str(tenant.house.http.base_url).rstrip("/")
    own = {"DEEDLOG_ORIGIN": origin, "DEEDLOG_KEY": secret, "DEEDLOG_HOME": str(home)}
    own["PYTHONPATH"] = f"{ROOT}:{ROOT / 'proto' / 'gen'}"
    words = (sys.executable, "-m", "cli.main", "alignments", *words)
    done = await asyncio.to_thread(
        subprocess.run, words, cwd=ROOT, env=os.environ | own, capture_output=True, timeout=60, check=False
    )
    return done.returncode, done.stdout.decode()


async def test_a_table_is_tried_sent_and_shown(tenant: Tenant, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text(table(line(DRIFTS, DRIFT)))
    bad.write_text(table(line(DRIFTS, "no.skill")))
    code, said = await command(tenant, tmp_path, "try", str(bad))
    assert (code, "/2/skill" in said) == (1, True)
    code, said = await command(tenant, tmp_path, "try", str(good))
    assert (code, "people touched" in said) == (0, True)
    assert (await command(tenant, tmp_path, "upload", str(good)))[0] == 0
    assert await command(tenant, tmp_path, "show") == (0, good.read_text())


async def test_associations_are_sent_with_the_assurance_that_the_options_name(tenant: Tenant, tmp_path: Path) -> None:
    file = tmp_path / "package.json"
    ends = {"originNodeURI": {"uri": DRIFTS}, "destinationNodeURI": {"uri": APIS}}
    file.write_text(json.dumps({"CFAssociations": [{"associationType": "exemplar", **ends}]}))
    assert (await command(tenant, tmp_path, "upload", str(file)))[0] != 0
    code, said = await command(tenant, tmp_path, "upload", str(file), "--assurance", "self-attested", "--json")
    assert (code, json.loads(said)["form"]) == (0, "case")


async def test_what_is_not_aligned_is_listed_with_suggestions(house: House, tenant: Tenant, tmp_path: Path) -> None:
    code, said = await command(tenant, tmp_path, "unaligned")
    assert (code, "is aligned" in said) == (0, True)
    await house.hear(house.owners.statement(system_id("person"), tenant.id, DRIFTS))
    code, said = await command(tenant, tmp_path, "unaligned")
    assert (code, DRIFTS in said, DRIFT in said) == (0, True, True)
