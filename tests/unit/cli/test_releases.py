"""Releases on a terminal, and a calibration's folder as it is read."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from cli.releases import draw_changes, draw_releases, read_changes, read_folder
from shared.kernel.errors import Rejected

IN_FORCE = {"id": "2-b", "is_in_force": True, "in_force_since": "2026", "estimates": 3, "people": 2, "origin": "fitted"}
OLD = {"id": "0-a", "is_in_force": False, "estimates": 4, "people": 2}


def drawn(what: RenderableType) -> str:
    out = StringIO()
    Console(file=out, width=160).print(what)
    return out.getvalue()


def test_how_many_estimates_are_still_to_be_told_anew_is_said() -> None:
    assert "4 estimates still name another release" in drawn(draw_releases([OLD, IN_FORCE]))
    assert "still" not in drawn(draw_releases([OLD | {"estimates": 0}, IN_FORCE]))


def test_changes_of_another_release_are_not_shown_for_this_one(tmp_path: Path) -> None:
    (tmp_path / "changes.json").write_text(json.dumps({"release": "2-b", "changes": {"people": 1}}))
    assert read_changes(tmp_path / "release-2-b.json") == {"people": 1}
    assert read_changes(tmp_path / "release-3-c.json") is None
    assert "is not known" in drawn(draw_changes(None))


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_file_that_is_no_release_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(text)
    with pytest.raises(Rejected) as refusal:
        read_folder(file)
    assert refusal.value.faults[0].pointer == str(file)
