"""The gRPC door: servicers in, a server component out.

Every method is guarded (`rpc_guard.py`): by default only our own services may call. Errors become statuses in
`rpc_errors.py`; the caller's end is `rpc_channel.py`. What doors and clients need of these is named here too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc  # type: ignore[import-untyped]
from grpc_reflection.v1alpha import reflection  # type: ignore[import-untyped]

from shared.kernel.errors import Unavailable
from shared.runtime.auth import Access, Authenticator, Barred
from shared.runtime.lifecycle import Readiness
from shared.runtime.rpc_channel import OPTIONS
from shared.runtime.rpc_channel import channel as channel
from shared.runtime.rpc_errors import kernel_errors as kernel_errors
from shared.runtime.rpc_errors import raise_for as raise_for
from shared.runtime.rpc_guard import Guard
from shared.runtime.rpc_guard import current_principal as current_principal

SERVICES_ONLY: Final = Access(kinds=frozenset({"service"}))
"""Who may call a method unless it is said otherwise."""
STREAMS_MAX: Final = 256
"""Calls under way at once on one connection; more wait at the caller."""
GRACE_SECONDS: Final = 3.0
"""How long calls under way may go on after a stop; then they are cancelled."""
_OPTIONS: Final = (
    *OPTIONS,
    ("grpc.so_reuseport", 0),
    ("grpc.max_concurrent_streams", STREAMS_MAX),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
)


@dataclass(frozen=True, slots=True)
class _Registered:
    """A servicer's methods, by name, with their guards on."""

    service: str
    methods: Mapping[str, Any]


class RpcServer:
    """A component that serves gRPC on host:port. With port 0 the system chooses; `port` says which, once started.

    Health (always) and reflection (unless turned off, as in production) answer without a credential.
    """

    def __init__(
        self,
        host: str,
        port: int,
        authenticator: Authenticator,
        *,
        name: str = "rpc",
        is_reflected: bool = True,
        credentials: grpc.ServerCredentials | None = None,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self.name = name
        self.host = host
        self.port = port
        self._authenticator = authenticator
        self._is_reflected = is_reflected
        self._credentials = credentials
        self._grace_seconds = grace_seconds
        self._registered: list[_Registered] = []
        self._health = health.aio.HealthServicer()
        self._server: grpc.aio.Server | None = None

    def add(
        self,
        servicer: Any,
        register: Callable[[Any, Any], None],
        *,
        access: Access = SERVICES_ONLY,
        methods: Mapping[str, Access] | None = None,
        barred: Barred | None = None,
    ) -> None:
        """Have `servicer` answer from `start` on. register: the generated add_…Servicer_to_server.

        access: who may call its methods; methods: those that differ, by their short names; barred: is told of each
        caller who is turned away. Raises ValueError for a name the servicer does not have, since a misspelt exception
        would leave a method under the wrong rule.
        """
        recorder = _Recorder()
        register(servicer, recorder)
        exceptions = dict(methods or {})
        unknown = exceptions.keys() - recorder.handlers.keys()
        if unknown:
            raise ValueError(f"{recorder.service} has no method {', '.join(sorted(unknown))}")
        guarded = {}
        for name, handler in recorder.handlers.items():
            full = f"/{recorder.service}/{name}"
            guard = Guard(full, exceptions.get(name, access), self._authenticator, barred=barred)
            guarded[name] = guard.over(handler)
        self._registered.append(_Registered(recorder.service, guarded))

    async def start(self) -> None:
        """Be listening on return. Raises Unavailable, naming the address, when it is taken."""
        server = grpc.aio.server(options=list(_OPTIONS))
        for one in self._registered:
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(one.service, dict(one.methods)),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        if self._is_reflected:
            names = [one.service for one in self._registered]
            reflection.enable_server_reflection((*names, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
        self.port = self._listen(server)
        await server.start()
        self._server = server
        for one in self._registered:
            await self._health.set(one.service, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self) -> None:
        """Have said NOT_SERVING, let calls under way end within the grace, and closed the socket."""
        await self._health.enter_graceful_shutdown()
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop(self._grace_seconds)

    def readiness(self) -> Readiness:
        """Say whether it is listening."""
        is_listening = self._server is not None
        return Readiness(self.name, is_listening, "" if is_listening else "it does not listen")

    def _listen(self, server: grpc.aio.Server) -> int:
        host = f"[{self.host}]" if ":" in self.host else self.host
        address = f"{host}:{self.port}"
        try:
            if self._credentials is None:
                return server.add_insecure_port(address)
            return server.add_secure_port(address, self._credentials)
        except RuntimeError as error:
            raise Unavailable(f"{address} cannot be listened on. Choose another port.") from error


class _Recorder:
    """Stands in for a server while generated code registers a servicer, and keeps what it was given."""

    def __init__(self) -> None:
        self.service = ""
        self.handlers: dict[str, Any] = {}

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        """The same methods once more, under a matcher that would bypass the guards; left out."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        self.service = service
        self.handlers.update(handlers)
