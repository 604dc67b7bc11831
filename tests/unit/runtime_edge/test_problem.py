"""Every error has one status, and shows what is safe to show."""

from __future__ import annotations

import logging
from typing import Any

import orjson
import pytest

from shared.kernel import errors
from shared.kernel.errors import DeedlogError, Fault, Rejected, Unavailable
from shared.runtime import edge_errors
from shared.runtime.problem import STATUSES, incident, problem
from shared.runtime.reply import Reply

EXPECTED = {
    errors.Rejected: 400,
    errors.SignatureRejected: 400,
    errors.ProofRejected: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.Unsupported: 415,
    errors.Unavailable: 503,
    errors.Broken: 500,
    errors.DeedlogError: 500,
    edge_errors.PreconditionFailed: 412,
    edge_errors.PreconditionRequired: 428,
    edge_errors.IdempotencyMismatch: 422,
    edge_errors.StillRunning: 409,
    edge_errors.SlowBody: 408,
}


def read(reply: Reply) -> dict[str, Any]:
    assert isinstance(reply.content, bytes)
    body = orjson.loads(reply.content)
    assert isinstance(body, dict)
    return body


@pytest.mark.parametrize(("kind", "status"), EXPECTED.items(), ids=lambda value: getattr(value, "__name__", str(value)))
def test_each_error_has_its_status_and_is_told_as_problem_details(kind: type[DeedlogError], status: int) -> None:
    reply = problem(kind("A sentence."))
    body = read(reply)
    assert reply.status == body["status"] == status
    assert reply.media_type == "application/problem+json"
    assert body["code"] == kind.code
    assert body["type"] == f"urn:deedlog:problem:{kind.code}"
    assert body["docs"].endswith(f"/{kind.code}")
    assert body["title"]
    assert (body["detail"] == "A sentence.") is (status != 500)


def test_every_kernel_error_is_in_that_table() -> None:
    named = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, DeedlogError)}
    assert named <= set(EXPECTED)
    assert all(family in STATUSES or set(family.__mro__) & set(STATUSES) for family in named)


def test_faults_are_told_with_pointer_rule_and_mend() -> None:
    faults = [Fault("/a", "it is 9 where at most 4 is taken", "Send 0 to 4."), Fault("/b", "it is missing", "Send it.")]
    body = read(problem(Rejected("Two faults.", faults)))
    assert body["errors"] == [
        {"pointer": "/a", "rule": "it is 9 where at most 4 is taken", "mend": "Send 0 to 4."},
        {"pointer": "/b", "rule": "it is missing", "mend": "Send it."},
    ]


@pytest.mark.parametrize(("seconds", "told"), [(0.05, "1"), (1.0, "1"), (1.2, "2"), (30, "30")])
def test_unavailable_says_after_how_many_whole_seconds_to_try_again(seconds: float, told: str) -> None:
    assert ("Retry-After", told) in problem(Unavailable("Postgres does not answer", seconds)).headers


def test_an_incident_shows_its_id_and_nothing_else_and_the_log_has_the_story(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        reply = incident(ValueError("password=hunter2"))
    body = read(reply)
    assert reply.status == 500
    assert b"hunter2" not in (reply.content if isinstance(reply.content, bytes) else b"")
    record = caplog.records[-1]
    assert vars(record)["incident"] == body["incident"]
    assert record.exc_info is not None


def test_a_method_that_is_not_answered_names_those_that_are() -> None:
    assert ("Allow", "GET, PUT") in problem(edge_errors.MethodNotAllowed("POST", ["PUT", "GET"])).headers


def test_a_missing_credential_is_challenged_by_both_schemes() -> None:
    challenges = [value for name, value in problem(errors.Unauthenticated("No.")).headers if name == "WWW-Authenticate"]
    assert [challenge.partition(" ")[0] for challenge in challenges] == ["Bearer", "Basic"]
