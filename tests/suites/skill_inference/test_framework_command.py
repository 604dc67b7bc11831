"""`deedlog framework` as an organisation runs it, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.suites.skill_inference.house import Tenant
from tests.unit.skill_inference.people import framework
from tests.unit.skill_inference.test_organisation_framework import DOCUMENT, package

ROOT: Final = Path(__file__).resolve().parents[3]

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def command(tenant: Tenant, home: Path, *words: str) -> tuple[int, str]:
    """Return the exit code of a command and what it answered."""
    secret = tenant.caller()["authorization"].removeprefix("Bearer ")
    origin = str(tenant.house.http.base_url).rstrip("/")
    own = {"DEEDLOG_ORIGIN": origin, "DEEDLOG_KEY": secret, "DEEDLOG_HOME": str(home)}
    own["PYTHONPATH"] = f"{ROOT}:{ROOT / 'proto' / 'gen'}"
    words = (sys.executable, "-m", "cli.main", "framework", *words)
    done = await asyncio.to_thread(
        subprocess.run, words, cwd=ROOT, env=os.environ | own, capture_output=True, timeout=60, check=False
    )
    return done.returncode, done.stdout.decode()


async def test_our_framework_and_roles_are_exported_in_every_form(tenant: Tenant, tmp_path: Path) -> None:
    code, said = await command(tenant, tmp_path, "export")
    assert (code, [skill["id"] for skill in json.loads(said)["skills"]]) == (0, list(framework().skills))
    code, said = await command(tenant, tmp_path, "export", "--form", "case")
    assert (code, "CFRubrics" in json.loads(said)) == (0, True)
    code, said = await command(tenant, tmp_path, "export", "--roles", "--form", "jsonld")
    assert (code, "@context" in json.loads(said)) == (0, True)


async def test_a_framework_is_tried_imported_listed_and_exported(tenant: Tenant, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(DOCUMENT))
    bad.write_text(json.dumps(DOCUMENT | {"language": "English!"}))
    code, said = await command(tenant, tmp_path, "try", "acme", str(bad))
    assert (code, "/language" in said) == (1, True)
    code, said = await command(tenant, tmp_path, "try", "acme", str(good))
    assert (code, "people touched" in said) == (0, True)
    assert (await command(tenant, tmp_path, "import", "acme", str(good)))[0] == 0
    code, said = await command(tenant, tmp_path, "list", "--json")
    assert (code, [one["slug"] for one in json.loads(said)]) == (0, ["acme"])
    code, said = await command(tenant, tmp_path, "export", "acme")
    assert (code, json.loads(said)) == (0, DOCUMENT)


async def test_a_case_package_is_imported_with_what_the_options_say(tenant: Tenant, tmp_path: Path) -> None:
    file = tmp_path / "package.json"
    file.write_text(json.dumps(package()))
    assert (await command(tenant, tmp_path, "import", "acme", str(file)))[0] != 0
    options = ("--rights", "ours", "--levels", "1,3", "--related-is-close", "--json")
    code, said = await command(tenant, tmp_path, "import", "acme", str(file), *options)
    assert (code, json.loads(said)["mapped"]) == (0, 2)
