"""However facts come in batches, each is entered once, in order, and the streams are the trees of their leaves."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from services.record_log.domain.event import MAIN
from services.record_log.domain.opening import StreamState
from services.record_log.domain.recording import StreamId, grow, streams_needed, told
from shared.events.fact import Fact
from shared.kernel import canonical_json
from shared.kernel.ids import FactId, Subject
from shared.kernel.merkle import Tree, leaf_hash
from shared.kernel.record_leaf import HeadLeaf, tag_commitment

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PEOPLE = tuple(f"prs_06BZ8Q0T3V7M1N5K2R4W6Y8ZA{letter}" for letter in "ABC")

happenings = st.lists(
    st.tuples(st.sampled_from(PEOPLE), st.sampled_from([None, "prj_1", "prj_2"]), st.booleans()), max_size=25
)


def facts_of(happened: list[tuple[str, str | None, bool]]) -> list[Fact]:
    numbers: defaultdict[str, int] = defaultdict(int)
    facts = []
    for place, (subject, project, _) in enumerate(happened):
        numbers[subject] += 1
        data = canonical_json.dumps({} if project is None else {"project": project})
        fact_id = FactId(f"01937a00-0000-7000-8000-{place:012d}")
        facts.append(Fact(fact_id, "s", Subject(subject), numbers[subject], "t", NOW, NOW, None, data))
    return facts


@given(happenings, st.integers(0, 2**32))
def test_streams_are_what_was_told_whatever_the_batches(
    happened: list[tuple[str, str | None, bool]], seed: int
) -> None:
    randomness = random.Random(seed)
    known: dict[StreamId, StreamState] = {}
    ids: defaultdict[StreamId, list[str]] = defaultdict(list)
    leaves: defaultdict[StreamId, list[bytes]] = defaultdict(list)
    heads: defaultdict[StreamId, list[tuple[HeadLeaf, bytes]]] = defaultdict(list)
    batch: list[Fact] = []
    for fact, (_, _, is_last) in zip(facts_of(happened), happened, strict=True):
        batch.append(fact)
        if not is_last and len(batch) < 5:
            continue
        entered = [told(each) for each in batch]
        needed = streams_needed(entered)
        loaded = {stream: state for stream, state in known.items() if stream in needed}
        for each in grow(loaded, entered, NOW, randomness.randbytes):
            known[each.stream] = each.appended.state
            ids[each.stream] += [entry.event.id for entry in each.appended.entries]
            leaves[each.stream] += [entry.leaf for entry in each.appended.entries]
            heads[each.stream].append((HeadLeaf.decode(each.appended.head.leaf), each.appended.head.blind))
        batch.clear()
    everything = [each for of_one in ids.values() for each in of_one if "/" not in each]
    assert len(everything) == len(set(everything)) == len(happened) - len(batch)
    for stream, state in known.items():
        tree = Tree(leaf_hash(leaf) for leaf in leaves[stream])
        assert (state.frontier.size, state.frontier.root()) == (tree.size, tree.root())
        for (head, blind), (following, _) in itertools.pairwise(heads[stream]):
            assert head.next_tag == tag_commitment(blind, following.tag)
            assert tree.root(head.size) == head.root
        projects = {other.name for other in known if other.person == stream.person and other.name != MAIN}
        if stream.name == MAIN:
            openings = [id_ for id_ in ids[stream] if "/" in id_]
            assert sorted(openings) == sorted(f"{stream.person}/{name}" for name in {MAIN, *projects})
