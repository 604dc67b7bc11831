"""Evidence and its grade: how far somebody who trusts neither the submitter nor us can rely on a finding.

    A   a third party's asymmetric signature says so; checks offline, without us
    B   we saw it ourselves, and logged it when we saw it; rests on our word
    C   the submitter, or a file that anybody could have written, says so

A grade belongs to what is *asserted*. One bundle therefore gives evidence of two grades, and kind by kind it is:

* history, B: that these commits, in this order, are in the bundle with this digest on the day it came. Git's hashes
  make the order checkable, our reception makes the day. The day of reception is the only date we vouch for.
* history, C: every date before that day, and what follows from dates: span, active days, bursts. `git commit --date`
  sets any. Dates that run backwards are counted here too: they are computed from what is claimed.
* authorship, C: names and addresses in commits are typed in. Shares are exact and rest on them.
* ci, container, tests, docs, B: that the files stand in the tree of the head. Not that they ran or are good.

Nothing here is A yet. Signatures are counted, not verified: one on a commit is A only once it holds under a key that
was enrolled before (and then says who, not when); GitHub's own on commits made in its editor say nothing of a person.
`Basis.SIGNATURE` is where verified ones will come in. What a bundle does not hold is no evidence and is not told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final, TypeAlias

from shared.events.project_submissions import EvidenceGraded, Grade
from shared.kernel import canonical_json
from shared.kernel.hashing import digest_text
from shared.kernel.ids import EvidenceId, ProjectId, SubmissionId

Finding: TypeAlias = int | float | str | bool
"""One figure of an evidence; shares are 0 … 1."""


class Kind(StrEnum):
    """What a piece of evidence is about."""

    HISTORY = "history"
    AUTHORSHIP = "authorship"
    CI = "ci"
    CONTAINER = "container"
    TESTS = "tests"
    DOCS = "docs"


class Basis(Enum):
    """On whose word a finding rests."""

    SIGNATURE = "a third party's asymmetric signature"
    OBSERVED = "observed by us at reception"
    DECLARED = "declared by the submitter"


_GRADES: Final[dict[Basis, Grade]] = {Basis.SIGNATURE: "A", Basis.OBSERVED: "B", Basis.DECLARED: "C"}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Findings of one kind on one basis. summary: one sentence for people, without names or addresses."""

    kind: Kind
    basis: Basis
    findings: Mapping[str, Finding]
    summary: str

    @property
    def grade(self) -> Grade:
        """How far the findings can be relied upon."""
        return _GRADES[self.basis]

    def digest(self, bundle_digest: bytes) -> str:
        """Return `sha256:<hex>` over the canonical JSON of kind, grade, findings and the bundle they come from."""
        document = {
            "kind": self.kind.value,
            "grade": self.grade,
            "findings": dict(self.findings),
            "bundle": digest_text(bundle_digest),
        }
        return digest_text(canonical_json.digest(document))


def told(
    evidence: Evidence,
    evidence_id: EvidenceId,
    submission: SubmissionId,
    project: ProjectId,
    bundle_digest: bytes,
) -> EvidenceGraded:
    """Return what is told of a piece of evidence."""
    return EvidenceGraded(
        evidence=evidence_id,
        submission=submission,
        project=project,
        kind=evidence.kind.value,
        grade=evidence.grade,
        digest=evidence.digest(bundle_digest),
        summary=evidence.summary,
    )
