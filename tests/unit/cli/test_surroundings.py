"""What a command finds around it follows from the environment and from the house that runs there, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.surroundings import Surroundings
from infra.embedded.keeper import StillRuns, end
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
    write_state(around.home, HouseState(os.getpid(), "ready", 9500, "shared", ("identity",), "2026-11-23T12:00:00Z"))
    assert around.base_url() == "http://127.0.0.1:9500"
    hold.let_go()
    assert around.base_url() == "http://127.0.0.1:9000"


def test_what_a_house_wrote_that_has_ended_is_not_taken_for_the_holder(tmp_path: Path) -> None:
    """Interleaving: a house was killed, and a backup holds its folder; the noted number may be a stranger's by now."""
    around = look(tmp_path)
    hold = around.home.hold()
    write_state(around.home, HouseState(1, "ready", 9500, "shared", ("identity",), "2026-11-23T12:00:00Z"))
    assert around.running() is None
    with pytest.raises(StillRuns, match=f"process {os.getpid()} holds"):
        end(around.home)
    hold.let_go()
    assert end(around.home) is None


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


@pytest.mark.parametrize("port", ["eighty", "-1", "8484 ", "٨٤٨٤", "80", "65535", "9" * 5000])
def test_a_port_that_is_no_number_is_refused(tmp_path: Path, port: str) -> None:
    with pytest.raises(Rejected, match="DEEDLOG_PORT"):
        look(tmp_path, DEEDLOG_PORT=port)


@pytest.mark.parametrize(
    "origin", ["localhost:8484", "deedlog.example", "ftp://x.example", "http://[x", "http://x:99999"]
)
def test_an_origin_that_is_no_address_is_refused(tmp_path: Path, origin: str) -> None:
    with pytest.raises(Rejected, match="DEEDLOG_ORIGIN"):
        look(tmp_path, DEEDLOG_ORIGIN=origin)


@pytest.mark.parametrize("key", ["dla_one two", "dla_line\n", "ключ"])
def test_a_key_that_no_header_holds_is_refused_without_being_shown(tmp_path: Path, key: str) -> None:
    with pytest.raises(Rejected, match="DEEDLOG_KEY") as caught:
        look(tmp_path, DEEDLOG_KEY=key)
    assert key not in str(caught.value)
