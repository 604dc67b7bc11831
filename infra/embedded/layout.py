"""Which services the house has, how they share processes, and which port each door gets.

    shared      three processes; the front one holds the public origin and hands on what the others serve
    separate    a process a service, as in production, and the gateway in one of its own

All ports follow from one, the origin's, so that two houses on one machine need only two numbers.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from infra.embedded.ports import HOST, PortTaken, is_free
from shared.kernel.errors import Rejected

LayoutName: TypeAlias = Literal["shared", "separate"]
LAYOUTS: Final[tuple[LayoutName, ...]] = get_args(LayoutName)

INTAKE: Final = ("identity", "learning_events", "project_submissions", "console")
INFERENCE: Final = ("skill_inference", "skill_profiles")
RECORD: Final = ("credential_issuing", "record_log")
SERVICES: Final = (*INTAKE, *INFERENCE, *RECORD)
WITHOUT_BACKBONE: Final = frozenset({"console"})
"""Services that keep nothing: no database, no facts, no gRPC."""

GATEWAY: Final = "gateway"
PORT: Final = 8484
"""The origin, unless DEEDLOG_PORT says otherwise."""
PORT_FIRST: Final = 1024
PORTS_SPAN: Final = 64
"""A house uses ports of the origin's number to this many above it, and no others."""
PORT_LAST: Final = 65_535 - PORTS_SPAN
RECORD_NICENESS: Final = 5
"""Who waits for a profile waits for intake and inference; the record may follow a moment later."""
_POSTGRES, _BROKER, _RPC, _HTTP, _METRICS = 1, 2, 10, 26, 42


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the house. services: those it hosts, none for the gateway alone."""

    name: str
    services: tuple[str, ...]
    http_port: int
    rpc_port: int
    metrics_port: int
    is_front: bool = False
    is_alone: bool = False
    """Whether it runs `python -m services.<name>` rather than the host."""
    niceness: int = 0
    """By how much it lets the others go first, once it is ready."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The processes of a house in the order in which they are told to stop, and its ports."""

    name: LayoutName
    port: int
    processes: tuple[Process, ...]

    @property
    def origin(self) -> str:
        """The one public origin, without a slash at the end."""
        return f"http://{HOST}:{self.port}"

    @property
    def postgres_port(self) -> int:
        """The database's port."""
        return self.port + _POSTGRES

    @property
    def broker_port(self) -> int:
        """The broker's port."""
        return self.port + _BROKER

    @property
    def services(self) -> tuple[str, ...]:
        """The services of the house, in the order of SERVICES."""
        return tuple(service for service in SERVICES if any(service in one.services for one in self.processes))

    @property
    def rpc_addresses(self) -> dict[str, str]:
        """host:port of each service's gRPC door; of those that have one."""
        return {
            service: f"{HOST}:{process.rpc_port}"
            for process in self.processes
            for service in process.services
            if service not in WITHOUT_BACKBONE
        }

    @property
    def http_targets(self) -> dict[str, str]:
        """The address of each service's HTTP doors, for the gateway."""
        return {
            service: f"http://{HOST}:{process.http_port}" for process in self.processes for service in process.services
        }

    def ports(self) -> dict[int, str]:
        """Return every port the house listens on, with what it is for."""
        wanted = {self.port: "the origin", self.postgres_port: "PostgreSQL", self.broker_port: "the broker"}
        for process in self.processes:
            wanted[process.metrics_port] = f"health and metrics of {process.name}"
            if process.services:
                wanted[process.rpc_port] = f"gRPC of {process.name}"
                wanted.setdefault(process.http_port, f"HTTP of {process.name}")
        return wanted

    def require_free_ports(self) -> None:
        """Return when nobody listens on the ports of the house. Raises PortTaken naming all that are taken."""
        taken = {port: purpose for port, purpose in sorted(self.ports().items()) if not is_free(port)}
        if taken:
            listed = ", ".join(f"{port} ({purpose})" for port, purpose in taken.items())
            another = self.port + 100 if self.port + 100 <= PORT_LAST else PORT
            raise PortTaken(
                f"on {HOST} other programs hold {listed}; end them, or choose another origin: DEEDLOG_PORT={another}"
            )


def installed_services() -> tuple[str, ...]:
    """Return the services whose code is here, in the order of SERVICES."""
    return tuple(service for service in SERVICES if _is_installed(service))


def lay_out(name: str, port: int = PORT, services: Sequence[str] | None = None) -> Layout:
    """Return the layout of this name around the origin's `port`. Raises Rejected for another name or port.

    services: which of SERVICES to run, all that are installed unless given.
    """
    if not PORT_FIRST <= port <= PORT_LAST:
        raise Rejected.of(
            "DEEDLOG_PORT", f"expected {PORT_FIRST} to {PORT_LAST}, got {port}", f"Leave it out for {PORT}."
        )
    chosen = installed_services() if services is None else tuple(services)
    if name == "shared":
        return Layout("shared", port, _shared(port, chosen))
    if name == "separate":
        return Layout("separate", port, _separate(port, chosen))
    raise Rejected.of("--layout", f"there is no layout {name!r}", f"Choose {' or '.join(LAYOUTS)}.")


def _shared(port: int, services: Sequence[str]) -> tuple[Process, ...]:
    groups = {"intake": INTAKE, "inference": INFERENCE, "record": RECORD}
    processes = []
    for place, (name, group) in enumerate(groups.items()):
        members = tuple(service for service in services if service in group)
        is_front = name == "intake"
        niceness = RECORD_NICENESS if name == "record" else 0
        http_port = port if is_front else port + _HTTP + place
        if members or is_front:
            ports = (http_port, port + _RPC + place, port + _METRICS + place)
            processes.append(Process(name, members, *ports, is_front=is_front, niceness=niceness))
    return tuple(processes)


def _separate(port: int, services: Sequence[str]) -> tuple[Process, ...]:
    place = len(SERVICES)
    front = Process(GATEWAY, (), port, port + _RPC + place, port + _METRICS + place, is_front=True)
    alone = [
        Process(service, (service,), port + _HTTP + place, port + _RPC + place, port + _METRICS + place, is_alone=True)
        for place, service in enumerate(SERVICES)
        if service in services
    ]
    return (front, *alone)


def _is_installed(service: str) -> bool:
    try:
        return importlib.util.find_spec(f"services.{service}.__main__") is not None
    except ModuleNotFoundError:
        return False
