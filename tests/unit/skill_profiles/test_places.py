"""What is due to a follower: each person once, and an ending never hidden by a change."""

from __future__ import annotations

from services.skill_profiles.domain.places import Due, ExpiryPlace, LogPlace, Place, Reason, latest_a_person


def due(person: str, reason: Reason, xid: int) -> Due:
    return Due(person, reason, Place(LogPlace(1, xid, person), ExpiryPlace()))


def test_a_person_who_changed_often_is_due_once_at_the_last_place() -> None:
    found = latest_a_person([due("A", "profile", 1), due("B", "profile", 2), due("A", "profile", 3)])

    assert [(one.person, one.place.log.xid) for one in found] == [("B", 2), ("A", 3)]


def test_a_change_after_an_ending_does_not_hide_it() -> None:
    (found,) = latest_a_person([due("A", "consent", 1), due("A", "profile", 2)])

    assert found.may_close
    assert found.place.log.xid == 2


def test_an_ending_after_a_change_is_told() -> None:
    (found,) = latest_a_person([due("A", "profile", 1), due("A", "consent", 2)])

    assert found.may_close


def test_only_endings_may_close() -> None:
    reasons: tuple[Reason, ...] = ("opening", "profile", "consent", "expiry")

    assert [due("A", reason, 1).may_close for reason in reasons] == [False, False, True, True]
