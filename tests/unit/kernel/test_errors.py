"""Failures belong to three families, and each says what its reader needs."""

from __future__ import annotations

import inspect

import pytest

from shared.kernel import errors
from shared.kernel.errors import Broken, DeedlogError, Fault, NotFound, Rejected, TooLarge, Unavailable

EVERY = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, DeedlogError)]


def test_every_failure_has_a_code_of_its_own() -> None:
    codes = [each.code for each in EVERY]
    assert len(set(codes)) == len(codes) == 12


@pytest.mark.parametrize("kind", EVERY)
def test_every_failure_belongs_to_one_family(kind: type[DeedlogError]) -> None:
    assert sum(issubclass(kind, family) for family in (Rejected, Unavailable, Broken)) == (kind is not DeedlogError)


@pytest.mark.parametrize("kind", EVERY)
def test_only_what_time_may_heal_may_be_retried(kind: type[DeedlogError]) -> None:
    assert kind.may_retry == issubclass(kind, Unavailable)


def test_rejection_of_one_fault_is_of_the_class_asked_and_says_where_what_and_how() -> None:
    rejection = TooLarge.of("/items", "at most 50 items", "Send two batches.")
    assert type(rejection) is TooLarge
    assert rejection.faults == (Fault("/items", "at most 50 items", "Send two batches."),)
    assert str(rejection) == rejection.message == "/items: at most 50 items. Send two batches."
    assert str(Rejected.of("", "it is empty", "Send something.")).startswith("the whole input: it is empty.")


def test_rejection_without_faults_has_none() -> None:
    assert NotFound("there is no such person").faults == ()


def test_unavailability_says_when_to_come_back() -> None:
    assert Unavailable("the database does not answer").retry_after_seconds == 1.0
    assert Unavailable("the database does not answer", 30).retry_after_seconds == 30
