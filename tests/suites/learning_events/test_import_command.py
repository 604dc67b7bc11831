"""`deedlog import` takes a file, standard input or another store's statements; killed anywhere, it goes on."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from cli import import_upload
from cli.api import Api
from cli.import_upload import carried_over
from shared.kernel.clock import rfc3339
from tests.suites.learning_events.house import House, Platform, statement
from tests.suites.learning_events.importing import history
from tests.suites.learning_events.record_store import RecordStoreDouble, serving

ROOT: Final = Path(__file__).resolve().parents[3]

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


class Command:
    """The command, in a process of its own, as a platform's."""

    def __init__(self, platform: Platform, home: Path) -> None:
        self.home = home
        self._environment = os.environ | {
            "DEEDLOG_ORIGIN": str(platform.house.http.base_url).rstrip("/"),
            "DEEDLOG_KEY": platform.secret,
            "DEEDLOG_HOME": str(home),
            "DEEDLOG_LRS_PASSWORD": "secret",
            "PYTHONPATH": f"{ROOT}:{ROOT / 'proto' / 'gen'}",
        }

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "cli.main", "import", *words],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    async def run(self, *words: str, given: bytes = b"") -> tuple[int, Any, str]:
        """Return the exit code, what was answered as JSON, and standard error."""
        process = self.start(*words, "--json")
        out, err = await asyncio.to_thread(process.communicate, given, 90)
        return process.returncode, json.loads(out or b"null"), err.decode()


@pytest.fixture
def command(platform: Platform, tmp_path: Path) -> Command:
    return Command(platform, tmp_path / "home")


def stored(count: int, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> list[dict[str, Any]]:
    """Return statements as another store gives them back."""
    made = []
    for number in range(count):
        time = rfc3339(start + timedelta(seconds=number))
        authority = {"objectType": "Agent", "account": {"homePage": "https://lrs.example", "name": "key"}}
        made.append(statement(f"person-{number % 9}", stored=time, version="1.0.3", authority=authority))
    return made


async def test_a_file_is_imported_and_its_bad_lines_are_told_with_their_numbers(
    house: House, platform: Platform, command: Command, tmp_path: Path
) -> None:
    sent = history(600, 6, seed=11)
    file, told = tmp_path / "history.jsonl.gz", tmp_path / "report.jsonl"
    file.write_bytes(gzip.compress(sent.content))
    code, answer, err = await command.run(str(file), "--report", str(told))
    assert (code, err) == (1, "")
    assert answer["counts"] == {"stored": sent.good, "duplicate": 0, "conflict": 0, "invalid": 6}
    lines = [json.loads(line) for line in told.read_text().splitlines()]
    assert [line["line"] for line in lines] == list(sent.bad)
    assert {"pointer", "rule", "mend"} <= lines[0].keys()


async def test_a_bad_line_is_told_whatever_its_names_are_made_of(command: Command) -> None:
    names = ["mo\u2028od", "mo\x85od"]
    lines = [json.dumps(statement(**{name: "good"}), ensure_ascii=False) for name in names]
    code, answer, err = await command.run("-", given="\n".join(lines).encode())
    assert (code, answer["counts"]["invalid"]) == (1, 2)
    assert [json.loads(line)["pointer"] for line in err.split("\n") if line] == [f"/{name}" for name in names]


async def test_standard_input_is_imported_and_nothing_stays_of_it(command: Command) -> None:
    code, answer, err = await command.run("-", given=history(30, 0, seed=12).content)
    assert (code, err, answer["counts"]["stored"]) == (0, "", 30)
    assert list(command.home.with_name("home.imports").iterdir()) == []


async def test_a_file_that_was_imported_is_not_imported_anew_unless_asked(command: Command, tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    file.write_bytes(b"".join(json.dumps(statement()).encode() + b"\n" for _ in range(20)))
    _, first, _ = await command.run(str(file))
    _, second, _ = await command.run(str(file))
    assert second == first
    _, third, _ = await command.run(str(file), "--again")
    assert third["id"] != first["id"]
    assert third["counts"] == {"stored": 0, "duplicate": 20, "conflict": 0, "invalid": 0}


@pytest.mark.parametrize("words", [(), ("x.jsonl", "--from-lrs", "https://lrs.example/xapi"), ("missing.jsonl",)])
async def test_wrong_use_is_told_as_such(command: Command, words: tuple[str, ...]) -> None:
    code, _, err = await command.run(*words)
    assert code == 2
    assert json.loads(err)["error"]["exit_code"] == 2


async def test_an_upload_goes_on_with_the_part_the_house_lacks(
    house: House, platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: random.Random
) -> None:
    monkeypatch.setattr(import_upload, "PART_BYTES", 20_000)
    file = tmp_path / "history.jsonl"
    file.write_bytes(history(300, 0, seed=13).content)
    left = rng.randint(1, 4)

    def die_at_a_part(one: dict[str, Any]) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt

    def carry(watch: Any) -> dict[str, Any]:
        with Api(str(house.http.base_url), platform.secret) as api, file.open("rb") as opened:
            return carried_over(api, opened, file.name, watch)

    with pytest.raises(KeyboardInterrupt):
        await asyncio.to_thread(carry, die_at_a_part)
    done = await asyncio.to_thread(carry, lambda one: None)
    assert (done["state"], done["counts"]["stored"]) == ("done", 300)
    assert len((await platform.get("/v1/imports")).json()["items"]) == 1


async def test_a_command_killed_at_a_drawn_moment_goes_on_when_it_is_run_again(
    house: House, platform: Platform, command: Command, tmp_path: Path, rng: random.Random
) -> None:
    file = tmp_path / "history.jsonl"
    file.write_bytes(history(2000, 0, seed=14).content)
    for _ in range(2):
        process = command.start(str(file))
        await asyncio.sleep(rng.uniform(0.5, 2.5))
        process.kill()
        await asyncio.to_thread(process.communicate)
    code, answer, _ = await command.run(str(file))
    assert (code, answer["counts"]["stored"]) == (0, 2000)
    assert (await house.counts(platform.organisation))[0] == 2000


async def test_another_stores_statements_are_pulled_and_later_only_what_is_new(
    house: House, platform: Platform, command: Command
) -> None:
    double = RecordStoreDouble(stored(230), page=50)
    with serving(double) as url:
        words = ("--from-lrs", url, "--user", "reader")
        code, answer, err = await command.run(*words)
        assert (code, err) == (0, "")
        assert (answer["statements"], answer["counts"]["stored"]) == (230, 230)
        assert answer["last_stored"] == double.statements[-1]["stored"]
        double.statements += stored(5, datetime(2026, 2, 1, tzinfo=UTC))
        double.asked.clear()
        _, answer, _ = await command.run(*words)
    assert answer["counts"]["stored"] == 5
    assert answer["statements"] < 20
    assert "since=" in double.asked[0]
    assert (await house.counts(platform.organisation))[0] == 235


async def test_a_pull_that_brings_what_one_before_brought_tells_that_it_was_there_already(
    house: House, platform: Platform, command: Command
) -> None:
    with serving(RecordStoreDouble(stored(6), page=50)) as url:
        words = ("--from-lrs", url, "--user", "reader", "--since", "2020-01-01T00:00:00Z")
        first, again, once_more = [(await command.run(*words))[1] for _ in range(3)]
    assert (first["counts"]["stored"], first["counts"]["duplicate"]) == (6, 0)
    for answer in (again, once_more):
        assert (answer["statements"], answer["counts"]["stored"], answer["counts"]["duplicate"]) == (6, 0, 6)


@pytest.mark.parametrize("are_links_dead", [False, True], ids=["links lead on", "links have run out"])
async def test_a_pull_killed_between_any_two_pages_goes_on_behind_the_last_whole_one(
    house: House, platform: Platform, command: Command, rng: random.Random, are_links_dead: bool
) -> None:
    double = RecordStoreDouble(stored(400), page=20)
    killed_at = rng.randint(2, 18)
    with serving(double) as url:
        words = ("--from-lrs", url, "--user", "reader")
        process = command.start(*words)
        double.on_request = lambda number: process.kill() if number == killed_at else None
        await asyncio.to_thread(process.communicate)
        double.on_request = lambda number: None
        double.are_links_dead, double.page = are_links_dead, 400 if are_links_dead else 20
        before = len(double.asked)
        code, answer, _ = await command.run(*words)
    assert (code, answer["counts"]["stored"]) == (0, 400)
    assert len(double.asked) - before <= 400 / 20 - killed_at + 2
    assert (await house.counts(platform.organisation))[0] == 400


async def test_a_pull_gone_on_with_keeps_what_its_report_told_and_the_next_begins_it_empty(
    command: Command, tmp_path: Path
) -> None:
    double, told = RecordStoreDouble(stored(60), page=20), tmp_path / "report.jsonl"
    with serving(double) as url:
        words = ("--from-lrs", url, "--user", "reader", "--report", str(told))
        process = command.start(*words)
        double.on_request = lambda number: process.kill() if number == 3 else None
        await asyncio.to_thread(process.communicate)
        double.on_request = lambda number: None
        told.write_text('{"line": 7}\n')
        double.statements[-1]["verb"] = {"id": "no IRI"}
        code, answer, _ = await command.run(*words)
        assert (code, answer["counts"]["invalid"]) == (1, 1)
        lines = [json.loads(line) for line in told.read_text().splitlines()]
        assert (lines[0], lines[1]["pointer"]) == ({"line": 7}, "/verb/id")
        await command.run(*words)
    assert '{"line": 7}' not in told.read_text()


async def test_wrong_credentials_and_links_to_other_hosts_are_refused(command: Command) -> None:
    double = RecordStoreDouble(stored(3), page=2)
    with serving(double) as url:
        code, _, err = await command.run("--from-lrs", url, "--user", "stranger")
        assert (code, "401" in err) == (2, True)
        double._from = lambda start: {"statements": [], "more": "https://thief.example/more"}  # type: ignore[method-assign]
        code, _, err = await command.run("--from-lrs", url, "--user", "reader")
        assert (code, "another host" in err) == (2, True)
    code, _, err = await command.run("--from-lrs", "http://lrs.example/xapi", "--user", "reader")
    assert (code, "https" in err) == (2, True)
