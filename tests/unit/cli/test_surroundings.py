"""What a command finds around it follows from the environment and from the house that runs there, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.surroundings import Surroundings
from infra.embedded.state import HouseState, write_state
from shared.kernel.errors import Rejected


def look(home: Path, **variables: str) -> Surroundings:
    return Surroundings.look({"DEEDLOG_HOME": str(home), **variables})


def test_the_usual_port_is_taken_when_nothing_is_said(tmp_path: Path) -> None:
    assert look(tmp_path).base_url() == "http://127.0.0.1:8484"


def test_the_port_named_is_taken(tmp_path: Path) -> None:
    assert look(tmp_path, DEEDLOG_PORT="9000").base_url() == "http://127.0.0.1:9000"
    assert look(tmp_path, DEEDLOG_PORT="9000").layout().port == 9000


def test_a_house_that_runs_here_is_found_by_its_own_port(tmp_path: Path) -> None:
    around = look(tmp_path, DEEDLOG_PORT="9000")
    hold = around.home.hold()
    write_state(around.home, HouseState(1, "ready", 9500, "shared", ("identity",), "2026-11-23T12:00:00Z"))
    assert around.base_url() == "http://127.0.0.1:9500"
    hold.let_go()
    assert around.base_url() == "http://127.0.0.1:9000"


def test_an_origin_that_is_named_wins(tmp_path: Path) -> None:
    around = look(tmp_path, DEEDLOG_ORIGIN="https://deedlog.example/", DEEDLOG_PORT="9000")
    assert around.base_url() == "https://deedlog.example"


def test_a_key_that_is_named_wins_over_the_folder_s(tmp_path: Path) -> None:
    look(tmp_path).home.make(())
    assert look(tmp_path).credential().startswith("dla_")
    assert look(tmp_path, DEEDLOG_KEY="dlk_mine").credential() == "dlk_mine"


def test_pins_lie_in_the_data_folder_unless_named(tmp_path: Path) -> None:
    assert look(tmp_path).trust_file() == tmp_path / "trust.json"
    assert look(tmp_path, DEEDLOG_TRUST="/elsewhere/pins.json").trust_file() == Path("/elsewhere/pins.json")


@pytest.mark.parametrize("port", ["eighty", "-1", "8484 ", "٨٤٨٤"])
def test_a_port_that_is_no_number_is_refused(tmp_path: Path, port: str) -> None:
    with pytest.raises(Rejected, match="DEEDLOG_PORT"):
        look(tmp_path, DEEDLOG_PORT=port)
