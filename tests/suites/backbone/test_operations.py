"""What an operator asks and does over gRPC: status, dead letters, redrive, skip, rebuild."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from deedlog.operations.v1 import operations_pb2 as messages
from deedlog.operations.v1 import service_pb2_grpc
from shared.kernel.errors import Conflict, NotFound, Rejected
from shared.runtime.auth import ServiceTokenAuthenticator
from shared.runtime.dead_letters import LIST_MAX
from shared.runtime.grpc import RpcServer, channel, kernel_errors
from shared.runtime.operations import OperationsServicer

from .house import SERVICE_TOKEN, House, new_fact, until

pytestmark = pytest.mark.parametrize("broker", ["embedded"], indirect=True)

Stub = service_pb2_grpc.OperationsServiceStub


@pytest.fixture
async def operator(house: House) -> AsyncIterator[Stub]:
    """An operator's end of the door that answers for both services."""
    await house.start()
    server = RpcServer("127.0.0.1", 0, ServiceTokenAuthenticator(SERVICE_TOKEN))
    servicer = OperationsServicer({"teller": house.teller, "listener": house.listener})
    server.add(servicer, service_pb2_grpc.add_OperationsServiceServicer_to_server)
    await server.start()
    wire = channel(f"127.0.0.1:{server.port}", SERVICE_TOKEN)
    yield Stub(wire)
    await wire.close()
    await server.stop()


async def test_status_says_how_far_everything_was_told_and_heard(house: House, operator: Stub) -> None:
    await house.tell(new_fact("ada"), new_fact("ada"), new_fact("bea", "unusable"), new_fact("cyd", "broken"))
    await house.until_parked("cyd")
    told = await operator.Status(messages.StatusRequest(service="teller"))
    assert told.facts_told == 4
    assert {dependency.name: dependency.is_ready for dependency in told.dependencies} == {
        f"{house.teller.name}.relay": True
    }
    heard = await operator.Status(messages.StatusRequest(service="listener"))
    (hearing,) = heard.hearings
    assert (hearing.source, hearing.streams, hearing.facts) == (house.source.name, 3, 3)
    assert (hearing.parked, hearing.set_aside) == (1, 1)

    async def is_assigned() -> bool:
        status = await operator.Status(messages.StatusRequest(service="listener"))
        return all(hearing.is_assigned for hearing in status.hearings) and all(d.is_ready for d in status.dependencies)

    await until(is_assigned)


async def test_dead_letters_are_listed_redriven_and_skipped(house: House, operator: Stub) -> None:
    await house.tell(new_fact("ada"), new_fact("ada", "broken"), new_fact("ada"))
    await house.until_parked("ada")
    listed = await operator.ListDeadLetters(messages.ListDeadLettersRequest(service="listener", limit=LIST_MAX))
    (letter,) = listed.dead_letters
    assert (letter.kind, letter.source, letter.subject, letter.number) == ("parked", house.source.name, "ada", 2)
    assert letter.since_us > 1_700_000_000_000_000
    one = {"service": "listener", "source": house.source.name, "subject": "ada"}
    redriven = await operator.Redrive(messages.RedriveRequest(**one))
    assert (redriven.applied, redriven.is_parked, redriven.reason) == (0, True, "its verb is broken")
    with pytest.raises(Conflict), kernel_errors("listener"):
        await operator.Skip(messages.SkipRequest(**one, number=3))
    skipped = await operator.Skip(messages.SkipRequest(**one, number=2))
    assert not skipped.is_parked
    with pytest.raises(NotFound), kernel_errors("listener"):
        await operator.Redrive(messages.RedriveRequest(**one))


async def test_a_rebuild_reports_its_progress_and_both_digests(house: House, operator: Stub) -> None:
    await house.tell_many(["ada", "bea"], 10)
    await house.until_heard()
    reports = [report async for report in operator.Rebuild(messages.RebuildRequest(service="listener"))]
    assert [report.is_done for report in reports] == [False] * (len(reports) - 1) + [True]
    assert reports[-1].facts == 20
    assert reports[-1].live_digest == reports[-1].rebuilt_digest != ""


async def test_a_rebuild_whose_caller_went_away_can_be_made_again_at_once(house: House, operator: Stub) -> None:
    await house.tell_many(["ada", "bea"], 10)
    await house.until_heard()
    call = operator.Rebuild(messages.RebuildRequest(service="listener"))
    await call.read()
    call.cancel()

    async def is_rebuilt() -> bool:
        try:
            with kernel_errors("listener"):
                return [report async for report in operator.Rebuild(messages.RebuildRequest(service="listener"))] != []
        except Conflict:
            return False

    await until(is_rebuilt)


@pytest.mark.parametrize("limit", [0, LIST_MAX + 1])
async def test_a_list_outside_its_bound_is_refused_at_the_field(operator: Stub, limit: int) -> None:
    with pytest.raises(Rejected) as caught, kernel_errors("listener"):
        await operator.ListDeadLetters(messages.ListDeadLettersRequest(service="listener", limit=limit))
    assert [fault.pointer for fault in caught.value.faults] == ["/limit"]


async def test_a_service_that_is_not_here_is_named(operator: Stub) -> None:
    with pytest.raises(NotFound, match="known: listener, teller"), kernel_errors("identity"):
        await operator.Status(messages.StatusRequest(service="identity"))


async def test_a_teller_that_hears_nothing_has_no_dead_letters_and_is_not_rebuilt(operator: Stub) -> None:
    listed = await operator.ListDeadLetters(messages.ListDeadLettersRequest(service="teller", limit=1))
    assert list(listed.dead_letters) == []
    with pytest.raises(Rejected, match="hears nothing"), kernel_errors("teller"):
        await operator.Redrive(messages.RedriveRequest(service="teller", source="x", subject="y"))
