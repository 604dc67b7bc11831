"""One process that hosts several services: `python -m infra.embedded.host NAME SERVICE …`; or, of none, the gateway.

Each service reads its own settings (DEEDLOG_<SERVICE>_…); what they share, ports and token, is the process's own.
With `--targets` it hands on what services elsewhere answer. With `--after FILE` it imports first and then waits for the
file, so that importing costs no time once the database is ready.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import inspect
import json
import logging
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from infra.embedded.gateway import Gateway
from infra.embedded.ports import HOST
from infra.embedded.process import becomes
from shared.kernel.clock import SystemClock
from shared.kernel.errors import Broken, DeedlogError, Unavailable
from shared.runtime import faults
from shared.runtime.http import one_origin
from shared.runtime.http_server import HttpServer
from shared.runtime.lifecycle import Component, launch, run
from shared.runtime.log_lines import configure_logging
from shared.runtime.private_http import private_application
from shared.runtime.service import Build, Peers, components_of
from shared.runtime.settings import Settings

GO_SECONDS_MAX: Final = 60.0
"""How long the file of `--after` is waited for."""
Part = tuple[Build, type[Settings]]


def part(service: str) -> Part:
    """Return how this service is built and the class of its settings: SETTINGS of its `__main__`, or else the one
    subclass of Settings in its settings module. Raises Broken for one without `build`.
    """
    main = importlib.import_module(f"services.{service}.__main__")
    build: Build | None = getattr(main, "build", None)
    if build is None:
        raise Broken(f"services.{service}.__main__ has no `build`")
    return build, getattr(main, "SETTINGS", None) or _settings_of(service)


def _settings_of(service: str) -> type[Settings]:
    name = f"services.{service}.settings"
    if importlib.util.find_spec(name) is None:
        return Settings
    module = importlib.import_module(name)
    own = [
        kind
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, Settings) and kind.__module__ == name
    ]
    if len(own) > 1:
        raise Broken(f"{name} defines {len(own)} classes of settings, and one is expected")
    return own[0] if own else Settings


async def host(name: str, parts: dict[str, Part], targets: dict[str, str], niceness: int = 0) -> None:
    """Have served all these services in this process, on return after a signal. Raises Rejected for wrong settings.

    niceness: by how much the process lets others go first, from when it is ready; starting, nobody is kept waiting.
    """
    loaded = {service: kind.load(service) for service, (_, kind) in parts.items()}
    for settings in loaded.values():
        if settings.fault_point:
            faults.arm_exit(settings.fault_point)
    common = next(iter(loaded.values())).model_copy(update={"service": name})
    peers = Peers(common, SystemClock())
    services = [build(loaded[service], peers) for service, (build, _) in parts.items()]
    gateways = [Gateway(targets)] if targets else []
    components = [*gateways, *components_of(common, peers, services, gateways)]
    await run(components, ready=partial(_yield, niceness))


def _yield(niceness: int) -> None:
    """Let others go first from now on; the threads that were started are gRPC's, and keep their place."""
    if niceness:
        os.nice(niceness)


async def stand_alone(name: str, targets: dict[str, str], http_port: int, metrics_port: int) -> None:
    """Have served the gateway alone on `http_port`, on return after a signal."""
    gateway = Gateway(targets)
    door = HttpServer(one_origin([gateway]), HOST, http_port)
    components: list[Component] = [gateway, door]
    private = HttpServer(private_application(list(components), service=name), HOST, metrics_port, name="metrics")
    await run([*components, private])


async def _main(options: argparse.Namespace, parts: dict[str, Part]) -> None:
    if options.after is not None and not await becomes(options.after.exists, GO_SECONDS_MAX):
        raise Unavailable(f"{options.after} did not appear within {GO_SECONDS_MAX:g} s")
    targets = json.loads(options.targets)
    if parts:
        await host(options.name, parts, targets, options.nice)
    else:
        await stand_alone(options.name, targets, options.http_port, options.metrics_port)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one process of the house until SIGINT or SIGTERM; return its exit code, having said why it is not 0."""
    options = _parser().parse_args(arguments)
    configure_logging(options.name)
    parts = {service: part(service) for service in options.services}
    # What was imported lives as long as the process: the collector need not walk it again and again.
    gc.collect()
    gc.freeze()
    try:
        launch(_main(options, parts))
    except DeedlogError as error:
        logging.getLogger(__name__).critical("cannot run", extra={"reason": str(error)}, exc_info=error)
        sys.stderr.write(f"{error}\n")  # last, for whoever shows the end of the log
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.embedded.host", description="Host services in one process.")
    parser.add_argument("name", help="what the process is called in logs and metrics")
    parser.add_argument("services", nargs="*", help="the services to host; none for the gateway alone")
    parser.add_argument("--targets", default="{}", help="JSON: the address of each service that is handed on to")
    parser.add_argument("--after", type=Path, help="import, then wait for this file before anything is started")
    parser.add_argument("--nice", type=int, default=0, help="by how much to let others go first, once ready")
    parser.add_argument("--http-port", type=int, default=0, help="of the gateway alone")
    parser.add_argument("--metrics-port", type=int, default=0, help="of the gateway alone")
    parser.add_argument("--home", type=Path, help="the data folder, for whoever looks at the process")
    return parser


if __name__ == "__main__":
    sys.exit(main())
