"""One shape for every service, and the process that hosts one or several of them.

A service's `__main__.build(settings, peers)` returns a `Service`; `main` opens its doors. Whether it runs alone or
shares the process with others is decided outside; its code does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc

from deedlog.facts.v1 import service_pb2_grpc as facts_grpc
from deedlog.operations.v1 import service_pb2_grpc as operations_grpc
from shared.kernel.clock import Clock, SystemClock
from shared.kernel.errors import Broken
from shared.runtime import faults
from shared.runtime.auth import Access, Authenticator, Barred, ServiceTokenAuthenticator
from shared.runtime.auth_cache import CachingAuthenticator
from shared.runtime.backbone import Backbone
from shared.runtime.feed import FactFeed, FeedServicer, RpcFeed
from shared.runtime.grpc import SERVICES_ONLY, RpcServer, channel
from shared.runtime.http import Endpoint, Served, application, one_origin
from shared.runtime.http_server import HttpServer
from shared.runtime.lifecycle import Component, Readiness, launch, run
from shared.runtime.log_lines import configure_logging
from shared.runtime.operations import OperationsServicer
from shared.runtime.private_http import private_application
from shared.runtime.rpc_authenticator import RpcAuthenticator
from shared.runtime.settings import Settings

OPERATORS: Final = Access(kinds=frozenset({"service", "admin"}))


class Peers:
    """The other services, as this process reaches them. Channels open on first use, inside the running loop."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._channels: dict[str, grpc.aio.Channel] = {}
        self.clock = clock
        self.name = "peers"

    def channel(self, service: str) -> grpc.aio.Channel:
        """Return the channel to `service`. Raises Rejected when its address is not set."""
        address = self._settings.rpc_address(service)
        if address not in self._channels:
            self._channels[address] = channel(address, self._settings.service_token.get_secret_value())
        return self._channels[address]

    def feed(self) -> FactFeed:
        """Return the feeds of every service whose address is set."""
        return RpcFeed({service: self.channel(service) for service in self._settings.rpc_addresses})

    def authenticator(self) -> Authenticator:
        """Return what checks callers: the services' own token here, everything else with identity, cached."""
        asked = CachingAuthenticator(RpcAuthenticator(self.channel("identity")), self.clock)
        return ServiceTokenAuthenticator(self._settings.service_token.get_secret_value(), asked)

    # A component, so that the channels outlive whatever uses them.

    async def start(self) -> None:
        """Nothing to open yet."""

    async def stop(self) -> None:
        """Have closed every channel."""
        for opened in self._channels.values():
            await opened.close()

    def readiness(self) -> Readiness:
        """Always ready; a peer that is away shows in what needs it."""
        return Readiness(self.name, True)


@dataclass(frozen=True, slots=True)
class RpcDoor:
    """A gRPC servicer, how generated code registers it, and who may call which of its methods.

    barred: is told of each caller who is turned away.
    """

    servicer: Any
    register: Callable[[Any, Any], None]
    access: Access = SERVICES_ONLY
    methods: Mapping[str, Access] | None = None
    barred: Barred | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """What a service is made of. `components` start after the backbone and stop before it.

    backbone: None for a service that keeps nothing, which then says its `name`; else the backbone's name is taken.
    """

    backbone: Backbone | None
    endpoints: Sequence[Endpoint] = ()
    doors: Sequence[RpcDoor] = ()
    components: Sequence[Component] = ()
    name: str = ""

    def __post_init__(self) -> None:
        name = self.name if self.backbone is None else self.backbone.name
        if not name:
            raise Broken("a service without a backbone has to say its name")
        object.__setattr__(self, "name", name)


Build = Callable[[Settings, Peers], Service]


def components_of(
    settings: Settings, peers: Peers, services: Sequence[Service], fallbacks: Sequence[Served] = ()
) -> list[Component]:
    """Return the components of a process that hosts `services`, in the order in which they start.

    Backbones first, then what stands on them, then the doors: gRPC before HTTP, because HTTP asks gRPC. The
    `fallbacks` answer HTTP paths that no service here serves.
    """
    authenticator = peers.authenticator()
    backbones = {service.name: service.backbone for service in services if service.backbone is not None}
    components: list[Component] = [peers, *backbones.values()]
    components += [component for service in services for component in service.components]
    components.append(_rpc_server(settings, authenticator, backbones, services))
    applications: list[Served] = [
        application(service.endpoints, service=service.name, authenticator=authenticator)
        for service in services
        if service.endpoints
    ]
    applications += fallbacks
    if applications:
        components.append(HttpServer(one_origin(applications), settings.http_host, settings.http_port))
    private = private_application(
        list(components),
        service=settings.service,
        dependencies=lambda: [state for one in backbones.values() for state in one.dependencies()],
    )
    components.append(HttpServer(private, settings.http_host, settings.metrics_port, name="metrics"))
    return components


def _rpc_server(
    settings: Settings, authenticator: Authenticator, backbones: Mapping[str, Backbone], services: Sequence[Service]
) -> RpcServer:
    server = RpcServer(settings.http_host, settings.rpc_port, authenticator, is_reflected=settings.is_embedded)
    tellers = {one.source.name: one.feed_store for one in backbones.values() if one.source is not None}
    server.add(FeedServicer(tellers), facts_grpc.add_FactFeedServiceServicer_to_server)
    server.add(OperationsServicer(backbones), operations_grpc.add_OperationsServiceServicer_to_server, access=OPERATORS)
    for service in services:
        for door in service.doors:
            server.add(door.servicer, door.register, access=door.access, methods=door.methods, barred=door.barred)
    return server


def main(service: str, build: Build, kind: type[Settings] = Settings) -> None:
    """Run one service until SIGINT or SIGTERM; the whole of a service's `__main__`."""
    configure_logging(service)
    launch(_serve(service, build, kind))


async def _serve(service: str, build: Build, kind: type[Settings]) -> None:
    settings = kind.load(service)
    if settings.fault_point:
        faults.arm_exit(settings.fault_point)
    peers = Peers(settings, SystemClock())
    await run(components_of(settings, peers, [build(settings, peers)]))
