"""The one log over all streams: head leaves in the order they came, under one signed checkpoint at a time.

A leaf of the log is a head leaf of 105 bytes and nothing else, so what the log publishes is, to anybody without
blinds, a list of random tags, sizes and roots. One writer appends at a time; whoever calls holds that lock.
Witnesses will add signatures to the same checkpoint, an index is built from the same leaves: neither changes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.kernel.checkpoint import Checkpoint, sign_checkpoint
from shared.kernel.merkle import Fetch, Frontier, fold, leaf_hash
from shared.kernel.record_leaf import HeadLeaf
from shared.kernel.signing import Signer
from shared.kernel.tlog_proof import TlogProof
from shared.kernel.tree_shape import Node, plan_consistency, plan_inclusion


@dataclass(frozen=True, slots=True)
class Extended:
    """The log with more heads: the first of them stands at `first_index`; `nodes` are the rows to add to its tree."""

    first_index: int
    frontier: Frontier
    nodes: tuple[tuple[Node, bytes], ...]


def extend(log: Frontier, head_leaves: Sequence[bytes]) -> Extended:
    """Return the log with these head leaves appended in order. Raises Rejected for bytes that are no head leaf."""
    for leaf in head_leaves:
        HeadLeaf.decode(leaf)
    frontier, nodes = log.extend([leaf_hash(leaf) for leaf in head_leaves])
    return Extended(log.size, frontier, nodes)


def checkpoint(origin: str, log: Frontier, signer: Signer) -> str:
    """Return the signed C2SP checkpoint of the log as it is.

    What the caller owes: to have stored every leaf below its size, and never to sign two that do not grow from one
    another.
    """
    return sign_checkpoint(Checkpoint(origin, log.size, log.root()), signer)


def head_proof(index: int, size: int, fetch: Fetch, signed_checkpoint: str) -> str:
    """Return the C2SP tlog-proof text that the head leaf at `index` is under the checkpoint of `size` leaves.

    fetch: gives a perfect node of the log's tree. Raises Rejected unless index < size.
    """
    return TlogProof(index, fold(plan_inclusion(index, size), fetch), signed_checkpoint).encode()


def growth_proof(old_size: int, new_size: int, fetch: Fetch) -> tuple[bytes, ...]:
    """Return the hashes that show the log of `new_size` to begin with that of `old_size`; empty for old_size 0."""
    return fold(plan_consistency(old_size, new_size), fetch)
