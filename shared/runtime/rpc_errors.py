"""The one place where an error becomes a gRPC status, and a status an error again.

The status details carry `deedlog.errors.v1.ErrorReason`, so a caller gets code, faults and retry time back as they were
raised; across two of our services an error loses nothing but its Python class, of which the family is kept.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, ClassVar, Final, NoReturn, cast

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from deedlog.errors.v1 import errors_pb2
from shared.kernel.errors import (
    Broken,
    Conflict,
    DeedlogError,
    Fault,
    Forbidden,
    NotFound,
    Rejected,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unsupported,
)
from shared.kernel.ids import system_uuid7

DETAILS_KEY: Final = "grpc-status-details-bin"
FAULTS_MAX: Final = 20
"""Trailers are headers: beyond 8 KB many peers refuse them."""
TEXT_CHARACTERS_MAX: Final = 120

STATUSES: Final[dict[type[DeedlogError], grpc.StatusCode]] = {
    Rejected: grpc.StatusCode.INVALID_ARGUMENT,
    Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    Forbidden: grpc.StatusCode.PERMISSION_DENIED,
    NotFound: grpc.StatusCode.NOT_FOUND,
    Conflict: grpc.StatusCode.ABORTED,
    TooLarge: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Unsupported: grpc.StatusCode.UNIMPLEMENTED,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
    DeedlogError: grpc.StatusCode.INTERNAL,
}
"""The status of each error; a class that is not here has that of the nearest one above it."""
_FAMILIES: Final[dict[grpc.StatusCode, type[DeedlogError]]] = {
    **{status: family for family, status in STATUSES.items() if family is not DeedlogError},
    grpc.StatusCode.ALREADY_EXISTS: Conflict,
    grpc.StatusCode.FAILED_PRECONDITION: Conflict,
    grpc.StatusCode.OUT_OF_RANGE: Rejected,
    grpc.StatusCode.DEADLINE_EXCEEDED: Unavailable,
    grpc.StatusCode.CANCELLED: Unavailable,
}
_log = logging.getLogger(__name__)


class CallerUnknown(Unauthenticated):
    """The caller of a gRPC method showed no credential that counts; told apart from an answer about somebody else's."""

    code: ClassVar[str] = "caller-unknown"


def status_of(error: DeedlogError) -> grpc.StatusCode:
    """Return the gRPC status of this error."""
    return next(STATUSES[family] for family in type(error).__mro__ if family in STATUSES)


async def abort(context: Any, error: BaseException) -> NoReturn:
    """End the call with the status and details of `error`; of what is our fault only a code and an incident id."""
    if not isinstance(error, Rejected | Unavailable):
        error = _incident(error)
    status = status_of(error)
    reason = errors_pb2.ErrorReason(code=error.code, message=error.message)
    if isinstance(error, Rejected):
        reason.faults.extend(_fault_message(fault) for fault in error.faults[:FAULTS_MAX])
    if isinstance(error, Unavailable):
        reason.retry_after_seconds = error.retry_after_seconds
    details = AnyMessage()
    details.Pack(reason)
    trailer = Status(code=status.value[0], message=error.message, details=[details]).SerializeToString()
    await context.abort(status, error.message, ((DETAILS_KEY, trailer),))
    raise AssertionError("abort does not return")


def raise_for(error: grpc.aio.AioRpcError, service: str = "another service") -> NoReturn:
    """Raise what a failed call means in kernel errors: as the other side raised it where the details say so, else
    Unavailable for what time may heal, the family of the status for the rest, Broken for what nobody can explain.
    """
    raise kernel_error(error, service) from error


@contextmanager
def kernel_errors(service: str) -> Iterator[None]:
    """Turn the errors of calls to `service` made inside into kernel errors."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise_for(error, service)


def kernel_error(error: grpc.aio.AioRpcError, service: str) -> DeedlogError:
    """Return what a failed call to `service` means. Never Unauthenticated for our own token: that is Broken."""
    reason = reason_of(error)
    family = _FAMILIES.get(error.code(), Broken)
    if reason is None:
        return _unexplained(family, error.code(), service)
    if reason.code == CallerUnknown.code:
        return Broken(f"{service} does not know the credential this service shows")
    if issubclass(family, Unavailable):
        away: DeedlogError = _with_code(Unavailable, reason.code)(reason.message, reason.retry_after_seconds or 1.0)
        return away
    if issubclass(family, Rejected):
        faults = [Fault(fault.pointer, fault.rule, fault.mend) for fault in reason.faults]
        rejected: DeedlogError = _with_code(cast("Any", family), reason.code)(reason.message, faults)
        return rejected
    return Broken(f"{service} failed: {reason.message}")


def reason_of(error: grpc.aio.AioRpcError) -> errors_pb2.ErrorReason | None:
    """Return the reason in the status details; None when there is none, as when nobody of ours answered."""
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            reason = errors_pb2.ErrorReason()
            if any(packed.Unpack(reason) for packed in Status.FromString(value).details):
                return reason
    return None


def _unexplained(family: type[DeedlogError], status: grpc.StatusCode, service: str) -> DeedlogError:
    """The library's own texts name addresses and sockets, so they are not passed on."""
    if issubclass(family, Unavailable):
        return Unavailable(f"{service} does not answer")
    if family is TooLarge:
        return TooLarge.of("", f"a message to or from {service} is over its bound", "Ask for less at a time.")
    return Broken(f"{service} answered {status.name} without a reason")


@lru_cache(maxsize=256)
def _with_code(family: Any, code: str) -> Any:
    """Return `family`, or a class of it that carries the code which the other side used."""
    return family if family.code == code else type(family.__name__, (family,), {"code": code})


def _incident(error: BaseException) -> DeedlogError:
    code = error.code if isinstance(error, DeedlogError) else Broken.code
    incident = str(system_uuid7())
    _log.error("a call failed by our fault", extra={"incident": incident, "code": code}, exc_info=error)
    told: DeedlogError = _with_code(Broken, code)(f"It was logged as incident {incident}.")
    return told


def _fault_message(fault: Fault) -> errors_pb2.Fault:
    cut = TEXT_CHARACTERS_MAX
    return errors_pb2.Fault(pointer=fault.pointer[:cut], rule=fault.rule[:cut], mend=fault.mend[:cut])
