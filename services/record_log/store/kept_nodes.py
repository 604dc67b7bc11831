"""Which nodes of a tree have rows, and how the others are made again of the leaves below them.

A tree has as many nodes above its leaves as it has leaves, and half of them are on the first level. Kept from the
fourth level up, they are an eighth; a proof then reads at most 15 leaves more, which lie side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from shared.kernel.merkle import Frontier
from shared.kernel.tree_shape import Node

KEPT_LEVEL_MIN: Final = 4
"""Nodes from this level up have rows."""


def kept(nodes: Iterable[Node]) -> list[Node]:
    """Return those of the nodes that have rows."""
    return [node for node in nodes if node.level >= KEPT_LEVEL_MIN]


def leaves_below(nodes: Iterable[Node]) -> list[int]:
    """Return the places of all leaves of which the nodes that have no row are made."""
    return [index for node in nodes if node.level < KEPT_LEVEL_MIN for index in _span(node)]


def made(nodes: Iterable[Node], leaf_hashes: Mapping[int, bytes]) -> dict[Node, bytes]:
    """Return the hashes of the nodes that have no row, made of those leaves. Raises KeyError when one is not given."""
    return {
        node: Frontier().extend([leaf_hashes[index] for index in _span(node)])[0].root()
        for node in nodes
        if node.level < KEPT_LEVEL_MIN
    }


def _span(node: Node) -> range:
    return range(node.position << node.level, (node.position + 1) << node.level)
