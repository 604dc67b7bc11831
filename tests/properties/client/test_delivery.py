"""Whatever the way does to requests and replies, and whenever the process dies: each item arrives once, in order.

The server here keeps the rules of ours: a batch is stored whole or not, what it has already is a duplicate, refused
items are named. What a request's fate is, and where the sender dies, is drawn.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import tempfile
from pathlib import Path
from typing import Any, Final, Literal, get_args

from hypothesis import event as noted
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.client.courier import Courier, Pause
from shared.client.errors import NotSendable
from shared.client.exchange import BULK_PATH, Answer, Request
from shared.client.item import Item, item_of
from shared.client.spool import Spool
from tests.unit.client.made import NOW, problem, statement, uuid_of

Fate = Literal[
    "arrives",
    "is lost on the way",
    "reply is lost",
    "dies after the reply",
    "dies before it",
    "is met by a proxy",
    "is put off",
    "is too much",
]
FATES: Final[st.SearchStrategy[Fate]] = st.sampled_from(get_args(Fate))
BAD: Final = "urn:bad"
POISON: Final = "urn:poison"
"""Makes the server refuse a whole batch without a word on which item."""
FAULTS_MAX: Final = 2
"""The server names so few at a time that many bad items take several rounds."""


class Server:
    """Stores statements as ours does."""

    def __init__(self, *, has_bulk: bool) -> None:
        self.has_bulk = has_bulk
        self.stored: dict[str, dict[str, Any]] = {}
        self.arrivals: list[str] = []

    def post(self, request: Request) -> Answer:
        content = request.content
        if request.headers.get("content-encoding") == "gzip":
            content = gzip.decompress(content)
        batch = json.loads(content)
        assert len(batch) <= 500
        assert len(content) <= 1 << 20
        if any(one["verb"]["id"] == POISON for one in batch):
            return problem(400, "invalid", [("", "it is no JSON", "Mend it.")])
        if request.path == BULK_PATH:
            return self._bulk(batch) if self.has_bulk else problem(404, "not-found")
        bad = [index for index, one in enumerate(batch) if one["verb"]["id"] == BAD]
        if bad:
            return problem(400, "invalid", [(f"/{index}/verb/id", "bad", "Mend it.") for index in bad[:FAULTS_MAX]])
        other = [i for i, one in enumerate(batch) if not self._is_same(self.stored.get(one["id"], one), one)]
        if other:
            return problem(409, "conflict", [(f"/{index}/id", "other", "Mend it.") for index in other[:FAULTS_MAX]])
        for one in batch:
            self._keep(one)
        return Answer(200, {}, json.dumps([one["id"] for one in batch]).encode())

    def _bulk(self, batch: list[dict[str, Any]]) -> Answer:
        items = []
        for index, one in enumerate(batch):
            outcome = "duplicate" if one["id"] in self.stored else "stored"
            if one["verb"]["id"] == BAD:
                outcome = "invalid"
            elif not self._is_same(self.stored.get(one["id"], one), one):
                outcome = "conflict"
            else:
                self._keep(one)
            fault = {"pointer": "/verb", "rule": "bad", "mend": "Mend it."}
            errors = [fault] if outcome in {"invalid", "conflict"} else []
            items.append({"index": index, "outcome": outcome, "id": one["id"], "errors": errors})
        return Answer(200, {}, json.dumps({"counts": {}, "items": items}).encode())

    def _keep(self, one: dict[str, Any]) -> None:
        if one["id"] not in self.stored:
            self.stored[one["id"]] = one
            self.arrivals.append(one["id"])

    @staticmethod
    def _is_same(kept: dict[str, Any], sent: dict[str, Any]) -> bool:
        names = (kept.keys() | sent.keys()) - ({"timestamp"} if {"timestamp"} - (kept.keys() & sent.keys()) else set())
        return all(kept.get(name) == sent.get(name) for name in names)


class World:
    """A sender that may die at any moment, its spool, and the server."""

    def __init__(self, path: Path, *, has_bulk: bool) -> None:
        self.path = path
        self.now = 0.0
        self.server = Server(has_bulk=has_bulk)
        self.born()

    def born(self) -> None:
        self.spool = Spool(self.path, is_power_safe=False)
        self.courier = Courier(self.spool, lambda: self.now, lambda: 0.5, batch_items_max=4)

    def die(self) -> None:
        """End as kill -9 would: nothing more is written. The file is let go, which the system would do."""
        self.spool.close()
        self.born()

    def round(self, fate: Fate) -> bool:
        """Go one step; say whether something still waits."""
        step = self.courier.step()
        if isinstance(step, Pause):
            self.now += step.seconds
            return not step.is_idle
        if fate == "is lost on the way":
            self.courier.lost("no route")
        elif fate == "is met by a proxy":
            self.courier.answered(Answer(200, {"content-type": "text/html"}, b"<html>log in"))
        elif fate == "is put off":
            self.courier.answered(problem(503, "unavailable", retry_after="3"))
        elif fate == "is too much":
            self.courier.answered(Answer(413, {}, b"") if self.courier_batch() > 1 else self.server.post(step))
        elif fate == "dies before it":
            self.die()
        else:
            answer = self.server.post(step)
            if fate == "reply is lost":
                self.courier.lost("reset")
            elif fate == "dies after the reply":
                self.die()
            else:
                self.courier.answered(answer)
        return True

    def courier_batch(self) -> int:
        return len(self.spool.take(self.courier._limit, 1 << 20))

    def finish(self) -> None:
        for _ in range(2000):
            if not self.round("arrives"):
                return
        raise AssertionError("the delivery does not end")


def made(number: int, verb: str) -> Item:
    return item_of(statement(number, verb={"id": verb}), lambda: uuid_of(number), lambda: NOW)


@settings(max_examples=60)
@given(
    st.lists(st.sampled_from(["urn:good", "urn:good", "urn:good", BAD, POISON]), min_size=1, max_size=14),
    st.lists(st.tuples(FATES, st.booleans()), max_size=25),
    st.booleans(),
)
def test_each_good_item_arrives_once_in_order_and_each_bad_one_is_put_aside(
    verbs: list[str], fates: list[tuple[Fate, bool]], has_bulk: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "spool", has_bulk=has_bulk)
        waiting = list(enumerate(verbs))
        for fate, is_sending in fates:
            if is_sending and waiting:
                world.spool.append([made(*waiting.pop(0))])
            world.round(fate)
            noted(fate)
        for number, verb in waiting:
            world.spool.append([made(number, verb)])
        world.finish()
        good = [uuid_of(number) for number, verb in enumerate(verbs) if verb == "urn:good"]
        bad = [uuid_of(number) for number, verb in enumerate(verbs) if verb != "urn:good"]
        assert world.server.arrivals == good
        assert [one.id for one in world.spool.refused_items(100)] == bad
        assert world.spool.waiting == 0
        world.spool.close()


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=12), st.data(), st.booleans())
def test_an_item_sent_again_under_its_id_is_a_duplicate_also_when_it_came_without_an_instant(
    sends: list[tuple[int, bool]], data: st.DataObject, has_bulk: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "spool", has_bulk=has_bulk)
        for moment, (number, is_delivered_first) in enumerate(sends):
            bare = {name: value for name, value in statement(number).items() if name != "timestamp"}
            world.spool.append([item_of(bare, lambda: "", lambda at=moment: f"2026-03-01T09:30:{at:02d}Z")])  # type: ignore[misc]
            if is_delivered_first:
                world.finish()
            else:
                world.round(data.draw(FATES))
        world.finish()
        assert sorted(world.server.arrivals) == sorted({uuid_of(number) for number, _ in sends})
        assert world.spool.refused == 0
        world.spool.close()


@given(st.lists(st.sampled_from(["send", "go", "go", "resend", "discard"]), max_size=30), st.booleans())
def test_the_counts_are_those_of_the_file(acts: list[str], has_bulk: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "spool", has_bulk=has_bulk)
        for number, act in enumerate(acts):
            # Few ids and other verbs: duplicates, conflicts of what was stamped here, and what is refused for good.
            bare = statement(number % 3, verb={"id": BAD if number % 5 == 0 else f"urn:{number}"})
            del bare["timestamp"]
            with contextlib.suppress(NotSendable, KeyError):
                if act == "send":
                    world.spool.append([item_of(bare, lambda: "", lambda: NOW)])
                elif act == "go":
                    world.round("arrives")
                elif act == "resend":
                    world.spool.replace(uuid_of(number % 3), "", item_of(bare, lambda: "", lambda: NOW))
                else:
                    world.spool.discard(uuid_of(number % 3), "")
            assert (world.spool._bytes, world.spool.waiting, world.spool.refused) == world.spool._counted()
        world.spool.close()


def test_the_counts_hold_when_what_was_stamped_here_conflicts(tmp_path: Path) -> None:
    world = World(tmp_path / "spool", has_bulk=True)
    for verb in ("urn:first", "urn:other"):
        bare = statement(verb={"id": verb})
        del bare["timestamp"]
        world.spool.append([item_of(bare, lambda: "", lambda: NOW)])
        world.finish()
        assert (world.spool._bytes, world.spool.waiting, world.spool.refused) == world.spool._counted()
    assert world.spool.refused == 1
    world.spool.close()
