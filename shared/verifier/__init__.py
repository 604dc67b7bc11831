"""Verifies, offline, a credential that Deedlog issued: its signature, its status, its place in the person's record.

    from deedlog.verifier import TrustStore, load_trust, verify

    verdict = verify(file_bytes, load_trust(path), now)
    verdict.is_valid, verdict.code, verdict.steps

Imports the kernel and nothing of any server. What is *not* checked is said with every verdict: `NOT_CHECKED`.
"""

from __future__ import annotations

from .trust import TrustStore
from .trust import load as load_trust
from .trust import save as save_trust
from .verdict import NOT_CHECKED, About, Check, Outcome, Step, Verdict
from .verification import verify

__all__ = [
    "NOT_CHECKED",
    "About",
    "Check",
    "Outcome",
    "Step",
    "TrustStore",
    "Verdict",
    "load_trust",
    "save_trust",
    "verify",
]
