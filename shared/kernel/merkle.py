"""The Merkle tree of RFC 9162 §2.1, and proofs in it that anybody can check.

What is where in a tree is said by `tree_shape.py`; this hashes. Three ways to hold a tree, by what they cost: `Tree`
(all nodes in memory), a table of perfect nodes (`Frontier.extend` says which to add, `fold` proves from them) and
`Frontier` alone (grows and tells its root, proves nothing).

The size-0 rules. The root of no leaves is SHA-256 of nothing (§2.1.1). No leaf is in a tree of size 0. A consistency
proof *from* size 0 is empty when asked for, as C2SP tlog-witness sends it, and always refused when verified: it would
show nothing, and who has seen nothing needs no proof. An empty subtree [n, n) is consistent with every tree of at least
n leaves if its root is the empty root and its proof is empty.

Pure: standard library only. Hashes have 32 bytes; entries are never seen but by `leaf_hash`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Self, TypeAlias

from .errors import Broken, ProofRejected
from .hashing import HASH_SIZE
from .tree_shape import (
    SIZE_MAX,
    Node,
    Plan,
    demand_size,
    plan_consistency,
    plan_inclusion,
    plan_root,
    steps_up,
    subtree_fault,
)

Fetch: TypeAlias = Callable[[int, int], bytes]
"""Returns the hash of the perfect node (level, position); asked only for nodes that exist at the stated size."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf that holds `entry`: SHA-256(0x00 || entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


def empty_root() -> bytes:
    """Return the root of the tree without leaves: SHA-256 of nothing."""
    return sha256(b"").digest()


def fold(plan: Plan, fetch: Fetch) -> tuple[bytes, ...]:
    """Return the hashes of a plan, from the leaf upward; calls `fetch` once for each of its nodes."""
    return tuple(_fold_right([fetch(node.level, node.position) for node in nodes]) for nodes in plan)


def root_at(size: int, fetch: Fetch) -> bytes:
    """Return the root of the tree at `size`, folded from its perfect nodes; the empty root for size 0."""
    return fold(plan_root(size), fetch)[0] if size else empty_root()


class Tree:
    """A whole tree in memory, two nodes a leaf. Appending is O(1) amortised, a proof O(log size)."""

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        for leaf in leaf_hashes:
            self.append(leaf)

    @classmethod
    def from_levels(cls, levels: Sequence[Sequence[bytes]]) -> Self:
        """Return the tree whose perfect nodes were stored, leaves first; hashes are taken as they are.

        Raises Broken when a level has not the number of nodes its leaves demand.
        """
        tree = cls()
        tree._levels = [list(level) for level in levels] or [[]]
        wanted = [tree.size >> level for level in range(max(1, tree.size.bit_length()))]
        if [len(level) for level in tree._levels] != wanted:
            raise Broken(f"a tree of {tree.size} leaves has levels of {wanted} nodes")
        return tree

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self._levels[0])

    def append(self, leaf: bytes) -> int:
        """Add a leaf hash at the right and return its index. Raises ValueError when it has not 32 bytes."""
        index = self.size
        for level, (_, node) in enumerate(_completed(index, leaf, self.fetch)):
            if level == len(self._levels):
                self._levels.append([])
            self._levels[level].append(node)
        return index

    def fetch(self, level: int, position: int) -> bytes:
        """Return the hash of a perfect node. Raises IndexError when there is none."""
        return self._levels[level][position]

    def root(self, size: int | None = None) -> bytes:
        """Return the root at `size` leaves, by default all. Raises Rejected for a size the tree has not reached."""
        wanted = self.size if size is None else size
        demand_size("size", wanted, self.size)
        return root_at(wanted, self.fetch)

    def inclusion_proof(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """Return the sibling hashes of leaf `index` from the leaf upward, in the tree of `size` (§2.1.3.1)."""
        wanted = self.size if size is None else size
        demand_size("size", wanted, self.size)
        return fold(plan_inclusion(index, wanted), self.fetch)

    def consistency_proof(self, old_size: int, new_size: int | None = None) -> tuple[bytes, ...]:
        """Return the proof that the tree only grew between the sizes (§2.1.4.1); empty for old_size 0."""
        wanted = self.size if new_size is None else new_size
        demand_size("new_size", wanted, self.size)
        return fold(plan_consistency(old_size, wanted), self.fetch)


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: its size and the roots of its perfect subtrees, widest first. Enough to grow it.

    At most 63 hashes whatever the size, so one small row persists a tree's head. Raises Broken when the number of
    hashes is not the number of ones in the size.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        """Check that the hashes are those a tree of this size has."""
        if not 0 <= self.size <= SIZE_MAX or len(self.peaks) != self.size.bit_count():
            raise Broken(f"a tree of {self.size} leaves does not have {len(self.peaks)} perfect subtrees")
        for peak in self.peaks:
            if len(peak) != HASH_SIZE:
                raise Broken(f"a hash in a frontier has not {HASH_SIZE} bytes")

    def append(self, leaf: bytes) -> Frontier:
        """Return the frontier with one more leaf hash."""
        return self.extend([leaf])[0]

    def extend(self, leaves: Iterable[bytes]) -> tuple[Frontier, tuple[tuple[Node, bytes], ...]]:
        """Return the frontier with more leaf hashes, and every perfect node they complete, leaves included.

        Who keeps nodes in a table adds exactly these rows. Raises ValueError for a leaf hash that has not 32 bytes.
        """
        size, peaks = self.size, list(self.peaks)
        completed: list[tuple[Node, bytes]] = []
        for leaf in leaves:
            # As _completed, spelled out: this runs for every leaf that is ever written.
            _demand_hash(leaf)
            hash_, level, position = leaf, 0, size
            completed.append((Node(0, position), leaf))
            while position & 1:
                hash_ = node_hash(peaks.pop(), hash_)
                level, position = level + 1, position >> 1
                completed.append((Node(level, position), hash_))
            peaks.append(hash_)
            size += 1
        return Frontier(size, tuple(peaks)), tuple(completed)

    def root(self) -> bytes:
        """Return the root of the tree."""
        return _fold_right(self.peaks) if self.peaks else empty_root()

    def to_bytes(self) -> bytes:
        """Return the size in 8 bytes, big endian, then the hashes, widest subtree first."""
        return self.size.to_bytes(8, "big") + b"".join(self.peaks)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Frontier:
        """Return the frontier `to_bytes` wrote. Raises Broken for bytes it cannot have written."""
        hashes = raw[8:]
        if len(raw) < 8 or len(hashes) % HASH_SIZE:
            raise Broken(f"a frontier has 8 bytes and {HASH_SIZE} for each hash, got {len(raw)}")
        peaks = tuple(hashes[at : at + HASH_SIZE] for at in range(0, len(hashes), HASH_SIZE))
        return cls(int.from_bytes(raw[:8], "big"), peaks)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Return only if the leaf with this hash is at `index` in the tree of `size` with this `root` (§2.1.3.2).

    Trusts size and root; verify the signature over them first. Raises ProofRejected naming expected and got.
    """
    verify_subtree_inclusion(leaf, index, 0, size, proof, root)


def verify_consistency(old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Return only if the tree of `old_size` and `old_root` is a beginning of that of the new ones (§2.1.4.2).

    Trusts sizes and roots; verify the signatures over them first. Raises ProofRejected naming expected and got, and
    for old_size 0 always.
    """
    if old_size == 0:
        raise ProofRejected("nothing can be shown from a tree of size 0; expected an old size of at least 1")
    verify_subtree_consistency(0, old_size, new_size, old_root, new_root, proof)


def verify_subtree_inclusion(
    leaf: bytes, index: int, start: int, end: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Return only if the leaf is at `index` in the subtree [start, end) with this `root`; `index` counts in the tree.

    Raises ProofRejected naming expected and got.
    """
    _demand_sound([leaf, *proof, root], subtree_fault(start, end, SIZE_MAX))
    if not start <= index < end:
        raise ProofRejected(f"expected an index in [{start}, {end}), got {index}")
    _, got = _climb(leaf, index - start, index - start + 1, end - start, proof)
    _demand_root("root", root, got)


def verify_subtree_consistency(
    start: int, end: int, size: int, subtree_root: bytes, root: bytes, proof: Sequence[bytes]
) -> None:
    """Return only if the subtree [start, end) with this root is part of the tree of `size` with this `root`.

    An empty subtree says nothing of the tree: its `root` is then not looked at. Raises ProofRejected naming expected
    and got.
    """
    if start == end:
        _demand_sound([subtree_root], subtree_fault(start, end, size))
        if proof:
            raise ProofRejected(f"expected no hash for an empty subtree, got {len(proof)}")
        return _demand_root("root of the empty subtree", empty_root(), subtree_root)
    equal = start == 0 and end == size
    _demand_sound([*proof] if equal else [subtree_root, root, *proof], subtree_fault(start, end, size))
    got_subtree, got = _climb(subtree_root, start, end, size, proof)
    _demand_root("root of the earlier tree", subtree_root, got_subtree)
    return _demand_root("root", root, got)


def _climb(known: bytes, start: int, end: int, size: int, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the roots of the subtree [start, end) and of the tree to which `known`, the former, and the proof lead."""
    steps, first = steps_up(start, end, size)
    is_whole = first == (start, end)
    wanted = len(steps) + (not is_whole)
    if len(proof) != wanted:
        raise ProofRejected(f"expected a proof of {wanted} hashes, got {len(proof)}")
    subtree = tree = known if is_whole else proof[0]
    for step, sibling in zip(steps, proof[len(proof) - len(steps) :], strict=True):
        tree = node_hash(sibling, tree) if step.is_left else node_hash(tree, sibling)
        subtree = node_hash(sibling, subtree) if step.is_shared else subtree
    return subtree, tree


def _completed(index: int, leaf: bytes, left_of: Fetch) -> list[tuple[Node, bytes]]:
    """Return the nodes that leaf `index` completes, upward; `left_of` gives left siblings, lowest first."""
    _demand_hash(leaf)
    node, level = leaf, 0
    nodes = [(Node(0, index), leaf)]
    while index >> level & 1:
        node = node_hash(left_of(level, (index >> level) - 1), node)
        level += 1
        nodes.append((Node(level, index >> level), node))
    return nodes


def _demand_hash(leaf: bytes) -> None:
    if len(leaf) != HASH_SIZE:
        raise ValueError(f"a leaf hash has {HASH_SIZE} bytes, got {len(leaf)}")


def _fold_right(hashes: Sequence[bytes]) -> bytes:
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def _demand_sound(hashes: Sequence[bytes], fault: str | None) -> None:
    if fault:
        raise ProofRejected(fault)
    for each in hashes:
        if len(each) != HASH_SIZE:
            raise ProofRejected(f"expected hashes of {HASH_SIZE} bytes, got one of {len(each)}")


def _demand_root(name: str, expected: bytes, got: bytes) -> None:
    if expected != got:
        raise ProofRejected(f"expected the {name} {expected.hex()}, got {got.hex()}")
