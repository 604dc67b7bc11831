"""`deedlog releases` reaches the house that runs through its one origin."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from services.skill_inference import parameters
from tests.suites.embedded.place import Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_release_is_adopted_and_the_first_one_again(standing_house: Place, tmp_path: Path) -> None:
    (first,) = json.loads(standing_house.run("releases", "list", "--json").stdout)
    file = tmp_path / "release.json"
    file.write_text(json.dumps({**json.loads(parameters.release_document("0")), "name": "again"}))
    done = standing_house.run("releases", "adopt", str(file), "--json")
    assert done.returncode == 0, done.stderr
    adopted = json.loads(done.stdout)["id"]
    listed = json.loads(standing_house.run("releases", "list", "--json").stdout)
    assert [one["id"] for one in listed if one["is_in_force"]] == [adopted]
    assert json.loads(standing_house.run("releases", "show", adopted).stdout)["name"] == "again"
    assert standing_house.run("releases", "adopt", first["id"], "--yes").returncode == 0
    assert "is in force already" in standing_house.run("releases", "adopt", first["id"], "--yes").stdout
