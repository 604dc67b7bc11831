"""Whatever a proof asks for is there, though only the nodes of the upper levels have rows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.record_log.store.kept_nodes import KEPT_LEVEL_MIN, kept, leaves_below, made
from shared.kernel.merkle import Tree, fold, leaf_hash
from shared.kernel.tree_shape import Node, plan_consistency, plan_inclusion


@given(st.data(), st.integers(1, 200))
def test_proofs_are_made_of_kept_nodes_and_few_leaves(data: st.DataObject, size: int) -> None:
    index, new_size = data.draw(st.integers(0, size - 1)), data.draw(st.integers(size, 300))
    tree = Tree(leaf_hash(number.to_bytes(2, "big")) for number in range(new_size))
    for plan in (plan_inclusion(index, size), plan_consistency(size, new_size)):
        wanted = [node for nodes in plan for node in nodes]
        leaves = leaves_below(wanted)
        found = {node: tree.fetch(*node) for node in kept(wanted)}
        found |= made(wanted, {place: tree.fetch(0, place) for place in leaves})
        assert fold(plan, lambda level, position: found[Node(level, position)]) == fold(plan, tree.fetch)  # noqa: B023
        assert len(leaves) < 3 << KEPT_LEVEL_MIN
