"""What a tree refuses, and the rules for size 0."""

from __future__ import annotations

from typing import Final

import pytest

from shared.kernel.errors import Broken, ProofRejected, Rejected
from shared.kernel.merkle import (
    Frontier,
    Tree,
    empty_root,
    leaf_hash,
    node_hash,
    root_at,
    verify_consistency,
    verify_inclusion,
    verify_subtree_consistency,
)
from shared.kernel.tree_shape import SIZE_MAX, Node, plan_inclusion, plan_subtree_consistency

LEAVES: Final = [leaf_hash(bytes([number])) for number in range(8)]
TREE: Final = Tree(LEAVES)


def test_leaf_and_node_hashes_are_in_domains_of_their_own() -> None:
    left, right = LEAVES[:2]
    assert leaf_hash(left + right) != node_hash(left, right)
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


def test_root_of_no_leaves_is_the_hash_of_nothing() -> None:
    assert empty_root().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert Tree().root() == Frontier().root() == root_at(0, Tree().fetch) == empty_root()


def test_no_leaf_is_in_a_tree_of_size_0() -> None:
    with pytest.raises(ProofRejected, match="expected an index in"):
        verify_inclusion(LEAVES[0], 0, 0, [], empty_root())


def test_consistency_from_size_0_is_empty_when_asked_for_and_refused_when_verified() -> None:
    assert TREE.consistency_proof(0) == ()
    with pytest.raises(ProofRejected, match="size 0"):
        verify_consistency(0, 8, empty_root(), TREE.root(), [])


def test_empty_subtree_is_consistent_only_under_the_empty_root() -> None:
    verify_subtree_consistency(4, 4, 8, empty_root(), TREE.root(), [])
    with pytest.raises(ProofRejected, match="root of the empty subtree"):
        verify_subtree_consistency(4, 4, 8, LEAVES[4], TREE.root(), [])


def test_refused_proof_names_expected_and_got_root() -> None:
    proof = TREE.inclusion_proof(3)
    with pytest.raises(ProofRejected) as refusal:
        verify_inclusion(LEAVES[3], 3, 8, proof, TREE.root(7))
    assert f"expected the root {TREE.root(7).hex()}, got {TREE.root().hex()}" in str(refusal.value)


def test_refused_proof_names_expected_and_got_length() -> None:
    with pytest.raises(ProofRejected, match="expected a proof of 3 hashes, got 2"):
        verify_inclusion(LEAVES[3], 3, 8, TREE.inclusion_proof(3)[:2], TREE.root())


def test_rewritten_history_is_not_consistent() -> None:
    forked = Tree([*LEAVES[:2], LEAVES[7], *LEAVES[3:]])
    with pytest.raises(ProofRejected, match="root of the earlier tree"):
        verify_consistency(3, 8, TREE.root(3), forked.root(), forked.consistency_proof(3))


def test_hashes_whose_border_was_moved_are_refused_though_they_hash_alike() -> None:
    proof = TREE.inclusion_proof(0)
    longer, shorter = LEAVES[0] + proof[0][:1], proof[0][1:]
    assert node_hash(longer, shorter) == node_hash(LEAVES[0], proof[0])
    with pytest.raises(ProofRejected, match="expected hashes of 32 bytes, got one of 33"):
        verify_inclusion(longer, 0, 8, [shorter, *proof[1:]], TREE.root())


def test_index_and_size_beyond_the_tree_are_refused_by_name() -> None:
    for pointer, ask in (
        ("index", lambda: TREE.inclusion_proof(8)),
        ("index", lambda: TREE.inclusion_proof(-1)),
        ("size", lambda: TREE.root(9)),
        ("size", lambda: plan_inclusion(0, SIZE_MAX + 1)),
        ("new_size", lambda: TREE.consistency_proof(3, 9)),
        ("old_size", lambda: TREE.consistency_proof(5, 4)),
        ("start", lambda: plan_subtree_consistency(1, 3, 8)),
    ):
        with pytest.raises(Rejected) as refusal:
            ask()
        assert refusal.value.faults[0].pointer == pointer


def test_largest_tree_is_planned_in_few_nodes() -> None:
    plan = plan_inclusion(SIZE_MAX - 1, SIZE_MAX)
    assert len(plan) == 62
    assert plan[-1] == (Node(62, 0),)


def test_frontier_row_of_the_wrong_length_is_broken() -> None:
    row = Frontier().extend(LEAVES[:3])[0].to_bytes()
    for spoilt in (b"", row[:-1], row[:-32], row + bytes(32), b"\xff" * 8):
        with pytest.raises(Broken):
            Frontier.from_bytes(spoilt)


def test_level_with_a_node_missing_is_broken() -> None:
    with pytest.raises(Broken, match="levels"):
        Tree.from_levels([LEAVES[:2]])


def test_leaf_hash_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Tree().append(b"an entry, not its hash")
    with pytest.raises(ValueError, match="32 bytes"):
        Frontier().append(b"")
