"""Trees, frontiers and proofs agree with the recursive definitions of RFC 9162 §2.1, and no altered proof holds."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.errors import DeedlogError, ProofRejected
from shared.kernel.merkle import (
    Frontier,
    Tree,
    fold,
    leaf_hash,
    root_at,
    verify_consistency,
    verify_inclusion,
    verify_subtree_consistency,
    verify_subtree_inclusion,
)
from shared.kernel.tree_shape import Node, plan_consistency, plan_inclusion, plan_subtree_consistency

ENTRIES: Final = [b"entry %d" % number for number in range(70)]
LEAVES: Final = [leaf_hash(entry) for entry in ENTRIES]
TREE: Final = Tree(LEAVES)

sizes = st.integers(1, len(LEAVES))


def model_root(entries: list[bytes]) -> bytes:
    """MTH of §2.1.1, word for word."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    split = model_split(len(entries))
    return sha256(b"\x01" + model_root(entries[:split]) + model_root(entries[split:])).digest()


def model_split(count: int) -> int:
    """The largest power of two below `count`."""
    split = 1
    while split * 2 < count:
        split *= 2
    return split


def model_path(index: int, entries: list[bytes]) -> list[bytes]:
    """PATH of §2.1.3.1."""
    if len(entries) == 1:
        return []
    split = model_split(len(entries))
    if index < split:
        return [*model_path(index, entries[:split]), model_root(entries[split:])]
    return [*model_path(index - split, entries[split:]), model_root(entries[:split])]


def model_subproof(old_size: int, entries: list[bytes], is_known: bool) -> list[bytes]:
    """SUBPROOF of §2.1.4.1."""
    if old_size == len(entries):
        return [] if is_known else [model_root(entries)]
    split = model_split(len(entries))
    if old_size <= split:
        return [*model_subproof(old_size, entries[:split], is_known), model_root(entries[split:])]
    return [*model_subproof(old_size - split, entries[split:], False), model_root(entries[:split])]


@st.composite
def inclusions(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(sizes)
    return draw(st.integers(0, size - 1)), size


@st.composite
def growths(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(sizes)
    return draw(st.integers(1, size)), size


@st.composite
def subtrees(draw: st.DrawFn) -> tuple[int, int, int]:
    """A subtree [start, end) that begins at a multiple of its rounded-up width, and the size of the tree around it."""
    size = draw(sizes)
    step = 1 << draw(st.integers(0, size.bit_length()))
    start = draw(st.integers(0, (size - 1) // step)) * step
    end = draw(st.integers(start + 1, min(start + step, size)))
    return start, end, size


@given(st.integers(0, len(LEAVES)))
def test_root_is_that_of_the_recursive_definition(size: int) -> None:
    assert TREE.root(size) == model_root(ENTRIES[:size])


@given(inclusions())
def test_inclusion_proof_is_the_path_of_the_definition_and_holds(case: tuple[int, int]) -> None:
    index, size = case
    proof = TREE.inclusion_proof(index, size)
    assert list(proof) == model_path(index, ENTRIES[:size])
    verify_inclusion(LEAVES[index], index, size, proof, TREE.root(size))


@given(growths())
def test_consistency_proof_is_that_of_the_definition_and_holds(case: tuple[int, int]) -> None:
    old_size, size = case
    proof = TREE.consistency_proof(old_size, size)
    assert list(proof) == model_subproof(old_size, ENTRIES[:size], True)
    verify_consistency(old_size, size, TREE.root(old_size), TREE.root(size), proof)


@given(subtrees(), st.data())
def test_subtree_is_part_of_the_tree_and_its_leaves_are_in_it(case: tuple[int, int, int], data: st.DataObject) -> None:
    start, end, size = case
    subtree = Tree(LEAVES[start:end])
    proof = fold(plan_subtree_consistency(start, end, size), TREE.fetch)
    verify_subtree_consistency(start, end, size, subtree.root(), TREE.root(size), proof)
    index = data.draw(st.integers(start, end - 1))
    path = subtree.inclusion_proof(index - start)
    verify_subtree_inclusion(LEAVES[index], index, start, end, path, subtree.root())


@given(st.integers(0, len(LEAVES)), st.integers(0, len(LEAVES)))
def test_frontier_grown_in_any_batches_equals_the_tree(first: int, second: int) -> None:
    cut, size = sorted((first, second))
    begun, completed = Frontier().extend(LEAVES[:cut])
    grown, more = Frontier.from_bytes(begun.to_bytes()).extend(LEAVES[cut:size])
    assert (grown.size, grown.root()) == (size, TREE.root(size))
    assert len({node for node, _ in completed + more}) == len(completed + more)
    assert all(value == TREE.fetch(*node) for node, value in completed + more)


@given(st.integers(0, len(LEAVES)), st.data())
def test_table_of_completed_nodes_answers_every_root_and_proof(size: int, data: st.DataObject) -> None:
    table: dict[Node, bytes] = dict(Frontier().extend(LEAVES[:size])[1])

    def fetch(level: int, position: int) -> bytes:
        return table[Node(level, position)]

    assert root_at(size, fetch) == TREE.root(size)
    if size:
        index = data.draw(st.integers(0, size - 1))
        assert fold(plan_inclusion(index, size), fetch) == TREE.inclusion_proof(index, size)
        assert fold(plan_consistency(index, size), fetch) == TREE.consistency_proof(index, size)


@given(st.integers(0, len(LEAVES)))
def test_tree_restored_from_its_levels_is_the_tree(size: int) -> None:
    whole = Tree(LEAVES[:size])
    levels = [[whole.fetch(level, at) for at in range(size >> level)] for level in range(max(1, size.bit_length()))]
    restored = Tree.from_levels(levels)
    assert restored.root() == whole.root()
    assert restored.append(LEAVES[0]) == size
    assert restored.root() == Tree([*LEAVES[:size], LEAVES[0]]).root()


@given(inclusions(), st.data())
def test_inclusion_with_any_bit_altered_is_refused(case: tuple[int, int], data: st.DataObject) -> None:
    index, size = case
    hashes = [LEAVES[index], TREE.root(size), *TREE.inclusion_proof(index, size)]
    leaf, root, *proof = altered(hashes, data)
    with pytest.raises(ProofRejected):
        verify_inclusion(leaf, index, size, proof, root)


@given(growths(), st.data())
def test_consistency_with_any_bit_altered_is_refused(case: tuple[int, int], data: st.DataObject) -> None:
    old_size, size = case
    hashes = [TREE.root(old_size), TREE.root(size), *TREE.consistency_proof(old_size, size)]
    old_root, root, *proof = altered(hashes, data)
    with pytest.raises(ProofRejected):
        verify_consistency(old_size, size, old_root, root, proof)


@given(inclusions(), st.integers(0, len(LEAVES)))
def test_leaf_is_refused_at_every_other_index(case: tuple[int, int], other: int) -> None:
    index, size = case
    if other != index:
        with pytest.raises(ProofRejected):
            verify_inclusion(LEAVES[index], other, size, TREE.inclusion_proof(index, size), TREE.root(size))


@given(
    growths(),
    st.sampled_from(["drop first", "drop last", "add first", "add last"]),
    st.binary(min_size=32, max_size=32),
)
def test_proof_with_a_hash_too_many_or_too_few_is_refused(case: tuple[int, int], how: str, extra: bytes) -> None:
    old_size, size = case
    proof = list(TREE.consistency_proof(old_size, size))
    path = list(TREE.inclusion_proof(old_size - 1, size))
    changed = {"drop first": slice(1, None), "drop last": slice(0, -1)}
    for hashes in (proof, path):
        if how in changed:
            if not hashes:
                return
            hashes[:] = hashes[changed[how]]
        else:
            hashes.insert(0 if how == "add first" else len(hashes), extra)
    with pytest.raises(ProofRejected):
        verify_consistency(old_size, size, TREE.root(old_size), TREE.root(size), proof)
    with pytest.raises(ProofRejected):
        verify_inclusion(LEAVES[old_size - 1], old_size - 1, size, path, TREE.root(size))


any_number = st.integers(-(2**70), 2**70)
any_hashes = st.lists(st.binary(max_size=33) | st.binary(min_size=32, max_size=32), max_size=70)


@given(any_number, any_number, any_number, any_hashes)
def test_numbers_and_hashes_from_a_stranger_are_refused_and_never_crash(
    first: int, second: int, third: int, proof: list[bytes]
) -> None:
    zeros = bytes(32)
    with suppress(ProofRejected):
        verify_inclusion(zeros, first, second, proof, zeros)
    with suppress(ProofRejected):
        verify_subtree_inclusion(zeros, first, second, third, proof, zeros)
    with suppress(ProofRejected):
        verify_consistency(first, second, zeros, zeros, proof)
    with suppress(ProofRejected):
        verify_subtree_consistency(first, second, third, zeros, zeros, proof)


@given(st.binary(max_size=200))
def test_no_bytes_restore_a_frontier_that_writes_others(raw: bytes) -> None:
    try:
        frontier = Frontier.from_bytes(raw)
    except DeedlogError:
        return
    assert frontier.to_bytes() == raw


def altered(hashes: list[bytes], data: st.DataObject) -> list[bytes]:
    """Return the hashes with one bit of one of them turned over."""
    which = data.draw(st.integers(0, len(hashes) - 1))
    bit = data.draw(st.integers(0, 255))
    spoilt = int.from_bytes(hashes[which], "big") ^ 1 << bit
    return [*hashes[:which], spoilt.to_bytes(32, "big"), *hashes[which + 1 :]]
