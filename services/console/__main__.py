"""Wires the console together: settings in, a Service out. It keeps nothing, so it has no backbone."""

from __future__ import annotations

import logging
from typing import Final

from services.console.clients import HttpApi
from services.console.handlers.operator import OperatorPages
from services.console.handlers.profile import ProfilePages
from services.console.handlers.sign_in import SignIn
from services.console.http.pages import Console
from services.console.http.rendering import Renderer
from services.console.settings import ConsoleSettings
from shared.runtime.service import Peers, Service, main
from shared.runtime.settings import Settings

SETTINGS: Final = ConsoleSettings
_log = logging.getLogger(__name__)


def build(settings: Settings, peers: Peers) -> Service:
    """Return the console, built and not started."""
    if settings.is_embedded:
        _log.warning("DEVELOPMENT SIGN-IN IS ON: the console lets in whoever types a secret that the house knows")
    api = HttpApi(settings.origin, peers.clock)
    console = Console(
        ProfilePages(api),
        OperatorPages(api),
        SignIn(api),
        Renderer(),
        origin=settings.origin,
        is_embedded=settings.is_embedded,
    )
    return Service(None, endpoints=console.endpoints(), components=[api], name="console")


if __name__ == "__main__":
    main("console", build, SETTINGS)
