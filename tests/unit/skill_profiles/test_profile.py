"""What a reader sees of a profile follows from the scopes of the consent."""

from __future__ import annotations

from datetime import UTC, datetime

from services.skill_profiles.domain.profile import Credential, EvidenceItem, Profile, Project, Review, Submission

AT = datetime(2026, 3, 1, tzinfo=UTC)
PROFILE = Profile(
    "prs_1",
    7,
    projects=(Project("prj_1", "Triage", AT),),
    submissions=(Submission("sub_1", "prj_1", "c", 3, 0.5, AT),),
    evidence=(EvidenceItem("evd_1", "sub_1", "prj_1", "ci", "B", "d", "CI ran.", AT),),
    evidence_grades={"B": 1},
    reviews=(Review("rev_1", "sub_1", "prj_1", "prs_2", "deployment-1", (), AT),),
    credentials=(Credential("vcr_1", "s", 2, "did", "d", "p", "0", AT, None, None, None, AT),),
)


def test_with_the_scope_evidence_everything_is_seen() -> None:
    assert PROFILE.seen_with(("evidence", "profile")) == PROFILE


def test_without_it_no_single_piece_of_evidence_is_seen() -> None:
    seen = PROFILE.seen_with(("profile",))

    assert (seen.projects, seen.submissions, seen.evidence, seen.reviews) == ((), (), (), ())
    assert seen.evidence_grades == {"B": 1}
    assert seen.credentials == PROFILE.credentials
    assert seen.version == PROFILE.version
