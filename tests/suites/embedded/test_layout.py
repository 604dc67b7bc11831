"""Where each service runs, on which port, and which paths are its own."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.embedded.layout import LAYOUTS, PORTS_SPAN, SERVICES, WITHOUT_BACKBONE, Layout, lay_out
from infra.embedded.ports import PortTaken, free_port
from infra.embedded.routes import ELSEWHERE, service_of
from shared.kernel.errors import Rejected


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> Layout:
    return lay_out(request.param, 20_000, SERVICES)


def test_every_service_runs_exactly_once(layout: Layout) -> None:
    assert sorted(service for one in layout.processes for service in one.services) == sorted(SERVICES)
    assert layout.services == SERVICES


def test_no_port_has_two_purposes(layout: Layout) -> None:
    doors = [port for one in layout.processes for port in ([one.metrics_port, one.http_port, one.rpc_port])]
    assert len(set(doors)) == len(doors)
    assert not {layout.postgres_port, layout.broker_port} & set(doors)


def test_all_ports_lie_in_the_span_that_is_promised(layout: Layout) -> None:
    assert all(layout.port <= port < layout.port + PORTS_SPAN for port in layout.ports())


def test_exactly_one_process_holds_the_origin(layout: Layout) -> None:
    (front,) = [one for one in layout.processes if one.is_front]
    assert front.http_port == layout.port
    assert layout.origin == "http://127.0.0.1:20000"


def test_every_service_with_a_database_has_an_address(layout: Layout) -> None:
    assert set(layout.rpc_addresses) == set(SERVICES) - WITHOUT_BACKBONE
    assert set(layout.http_targets) == set(SERVICES)


def test_the_front_process_is_told_to_stop_first(layout: Layout) -> None:
    assert layout.processes[0].is_front


@given(st.sets(st.sampled_from(SERVICES), min_size=1), st.sampled_from(LAYOUTS))
def test_any_choice_of_services_has_one_front(services: set[str], name: str) -> None:
    chosen = lay_out(name, 20_000, tuple(services))
    assert set(chosen.services) == services
    assert sum(one.is_front for one in chosen.processes) == 1


@pytest.mark.parametrize("port", [-1, 0, 1023, 65_535, 65_535 - PORTS_SPAN + 1])
def test_a_port_that_leaves_no_room_is_refused_by_its_name(port: int) -> None:
    with pytest.raises(Rejected, match="DEEDLOG_PORT"):
        lay_out("shared", port)


def test_a_layout_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(Rejected, match="shared or separate"):
        lay_out("scattered")


def test_taken_ports_are_all_named_with_their_purpose() -> None:
    layout = lay_out("shared", free_port(), SERVICES)
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", layout.port))
        other.bind(("127.0.0.1", layout.broker_port))
        one.listen()
        other.listen()
        with pytest.raises(PortTaken) as caught:
            layout.require_free_ports()
    assert f"{layout.port} (the origin)" in str(caught.value)
    assert f"{layout.broker_port} (the broker)" in str(caught.value)
    assert "DEEDLOG_PORT=" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/", "console"),
        ("/people/prs_1", "console"),
        ("/operator", "console"),
        ("/xapi/statements", "learning_events"),
        ("/xapi/1/statements", "learning_events"),
        ("/v1/events", "learning_events"),
        ("/v1/events:validate", "learning_events"),
        ("/v1/people", "identity"),
        ("/v1/people/prs_1", "identity"),
        ("/v1/people/prs_1/accounts", "identity"),
        ("/v1/people/prs_1/profile", "skill_profiles"),
        ("/v1/people/prs_1/inference", "skill_inference"),
        ("/v1/people/prs_1/record", "record_log"),
        ("/v1/people/prs_1/record/proofs/f1", "record_log"),
        ("/v1/people/prs_1/credentials", "credential_issuing"),
        ("/v1/credentials/vcr_1:revoke", "credential_issuing"),
        ("/v1/status-lists/1", "credential_issuing"),
        ("/.well-known/did.json", "credential_issuing"),
        ("/v1/projects/prj_1/submissions", "project_submissions"),
        ("/v1/submissions/sub_1/reviews", "project_submissions"),
        ("/v1/rubrics/deployment/1", "project_submissions"),
        ("/caliper", "learning_events"),
        ("/v1/statements:bulk", "learning_events"),
        ("/v1/events/7/original", "learning_events"),
        ("/v1/alignments", "skill_inference"),
        ("/v1/skills/a.b", "skill_inference"),
        ("/v1/framework/terms", "skill_inference"),
        ("/v1/frameworks/acme:validate", "skill_inference"),
        ("/v1/roles/operator", "skill_inference"),
        ("/v1/raters", "skill_inference"),
        ("/ims/case/v1p1/CFDocuments", "skill_inference"),
        ("/log/checkpoint", "record_log"),
        ("/v1/verification-requests/vrq_1:approve", "skill_profiles"),
        ("/v1/accesses", "skill_profiles"),
        ("/v1/account-links/lnk_1:confirm", "identity"),
        ("/v1/services/record_log:rebuild", "identity"),
        ("/v1/dead-letters:redrive", "identity"),
        ("/v1/people-like", ELSEWHERE),
        ("/xapis", ELSEWHERE),
    ],
)
def test_a_path_leads_to_its_service(path: str, service: str) -> None:
    assert service_of(path) == service


@given(st.text())
def test_every_path_leads_somewhere(path: str) -> None:
    assert service_of(path) in SERVICES
