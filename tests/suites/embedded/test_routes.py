"""Every operation that a service serves is reached through the one origin: the table of paths knows its owner."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.embedded.environment import environment_of
from infra.embedded.home import Home
from infra.embedded.host import part
from infra.embedded.layout import installed_services, lay_out
from infra.embedded.routes import service_of
from shared.kernel.clock import SystemClock
from shared.runtime.service import Peers

IDENTIFIER = "prs_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC"


@pytest.mark.parametrize("service", installed_services())
async def test_every_operation_of_a_service_is_routed_to_it(service: str, tmp_path: Path) -> None:
    layout, home = lay_out("separate", 20_000), Home(tmp_path)
    secrets = home.make(layout.services)
    (process,) = [one for one in layout.processes if one.services == (service,)]
    build, kind = part(service)
    settings = kind.load(service, environment_of(process, layout, home, secrets))
    peers = Peers(settings, SystemClock())
    try:
        endpoints = build(settings, peers).endpoints
    finally:
        await peers.stop()
    assert endpoints
    for one in endpoints:
        path = re.sub(r"\{\w+(:path)?\}", IDENTIFIER, one.path)
        assert service_of(path) == service, f"{one.method} {one.path} is routed to {service_of(path)}"
