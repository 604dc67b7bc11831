"""Where the nodes of an RFC 9162 tree lie: which of them make a root, a proof, a subtree. No hash is in here.

A tree is addressed by its perfect nodes: `Node(level, position)` covers the leaves
[position·2^level, (position+1)·2^level) and, once it exists, never changes. Every root and proof is folded from such
nodes, so a service may keep them in a table and answer with one query: ask a `plan_…` function which nodes, read them,
and `merkle.fold` them.

Subtrees [start, end) are not RFC 9162's but those of C2SP tlog-cosignature and the Merkle Tree Certificates draft; here
they are the general case of which inclusion (one leaf) and consistency (start 0) are special ones. A subtree begins at
a multiple of its width rounded up to a power of two. Pure: standard library only.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

from .errors import Rejected

SIZE_MAX: Final = 2**63 - 1
"""What a signed 64-bit column holds; larger sizes are refused before any loop depends on them."""


class Node(NamedTuple):
    """The address of a perfect subtree: level 0 are the leaves."""

    level: int
    position: int


Plan: TypeAlias = tuple[tuple[Node, ...], ...]
"""Per hash of a proof, from the leaf upward, the perfect nodes it is folded from, left to right."""


def plan_root(size: int) -> Plan:
    """Return the nodes from which the root at `size` is folded, as a plan of one hash; size 0 has an empty plan."""
    demand_size("size", size, SIZE_MAX)
    return (_perfect_nodes(0, size),) if size else ()


def plan_inclusion(index: int, size: int) -> Plan:
    """Return the nodes of the proof that leaf `index` is in the tree of `size`. Raises Rejected unless index < size."""
    demand_size("size", size, SIZE_MAX)
    if not 0 <= index < size:
        raise Rejected.of("index", f"there is no leaf {index} in a tree of {size}", "Ask for an index below the size.")
    return _plan(index, index + 1, size)


def plan_consistency(old_size: int, new_size: int) -> Plan:
    """Return the nodes of the proof that the tree of `old_size` is a beginning of that of `new_size`.

    Empty for equal sizes and for old_size 0. Raises Rejected when the old size is above the new one.
    """
    demand_size("new_size", new_size, SIZE_MAX)
    demand_size("old_size", old_size, new_size)
    return _plan(0, old_size, new_size) if old_size else ()


def plan_subtree_consistency(start: int, end: int, size: int) -> Plan:
    """Return the nodes of the proof that the subtree [start, end) is part of the tree of `size`."""
    demand_size("size", size, SIZE_MAX)
    fault = subtree_fault(start, end, size)
    if fault:
        raise Rejected.of("start", fault, "Ask for a subtree that begins at a multiple of its rounded-up width.")
    return _plan(start, end, size) if start < end else ()


class Step(NamedTuple):
    """A sibling on the way up, covering the leaves [low, high)."""

    low: int
    high: int
    is_left: bool
    is_shared: bool
    """It lies inside the subtree as well, so it is hashed into the subtree's root, too."""


def steps_up(start: int, end: int, size: int) -> tuple[list[Step], tuple[int, int]]:
    """Return the siblings from the subtree [start, end) up to the root, and the range at which the way begins.

    That range is [start, end) itself, or, when its leaves do not form one node of the tree, the rightmost part of it
    that does. One step down the tree a turn: O(log size).
    """
    low, high = 0, size
    steps: list[Step] = []
    while (low, high) != (start, end):
        middle = low + (1 << (high - low - 1).bit_length() - 1)
        if end <= middle:
            steps.append(Step(middle, high, is_left=False, is_shared=False))
            high = middle
        else:
            is_shared = start < middle
            steps.append(Step(low, middle, is_left=True, is_shared=is_shared))
            low, start = middle, middle if is_shared else start
    return steps[::-1], (low, high)


def _plan(start: int, end: int, size: int) -> Plan:
    steps, first = steps_up(start, end, size)
    ranges = [(step.low, step.high) for step in steps]
    return tuple(_perfect_nodes(*each) for each in (ranges if first == (start, end) else [first, *ranges]))


def _perfect_nodes(low: int, high: int) -> tuple[Node, ...]:
    """Return the perfect nodes that cover [low, high) from left to right; low is a multiple of the first's width."""
    nodes = []
    while low < high:
        level = (high - low).bit_length() - 1
        nodes.append(Node(level, low >> level))
        low += 1 << level
    return tuple(nodes)


def subtree_fault(start: int, end: int, size: int) -> str | None:
    """Return what keeps [start, end) from being a subtree in a tree of `size`; None when it is one."""
    if not 0 <= start <= end <= size <= SIZE_MAX:
        return f"[{start}, {end}) is no range in a tree of {size}"
    if start < end and start % (1 << (end - start - 1).bit_length()):
        return f"[{start}, {end}) is no subtree"
    return None


def demand_size(name: str, size: int, size_max: int) -> None:
    """Return only if `size` lies between 0 and `size_max`; else raise Rejected at `name`."""
    if not 0 <= size <= size_max:
        raise Rejected.of(name, f"expected a tree size between 0 and {size_max}, got {size}", "Ask for a smaller size.")
