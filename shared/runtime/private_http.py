"""What the operator's tools ask, on a port of its own: /livez, /readyz, /metrics. Never on the public origin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from shared.runtime.http import Application, Call, Reply, application, endpoint
from shared.runtime.lifecycle import Component, Readiness

_TEXT: Final = "text/plain; charset=utf-8"
Readinesses = Callable[[], Sequence[Readiness]]


def private_application(
    components: Sequence[Component],
    *,
    service: str,
    dependencies: Readinesses = tuple,
    registry: CollectorRegistry = REGISTRY,
) -> Application:
    """Return the ASGI application with the process's health and metrics.

    /readyz has a line for each of `components` and of what `dependencies` returns, and is 503 when one is not ready;
    as JSON when that is asked for. dependencies: must be cheap; it is asked at each request.
    """

    async def livez(call: Call) -> Reply:
        return Reply.raw(b"alive\n", _TEXT)

    async def readyz(call: Call) -> Reply:
        states = [*(component.readiness() for component in components), *dependencies()]
        return _readiness_reply(states, "json" in call.headers.get("accept", ""))

    async def metrics(call: Call) -> Reply:
        return Reply.raw(generate_latest(registry), CONTENT_TYPE_LATEST)

    endpoints = [
        endpoint("GET", "/livez", livez, scopes=None),
        endpoint("GET", "/readyz", readyz, scopes=None),
        endpoint("GET", "/metrics", metrics, scopes=None),
    ]
    return application(endpoints, service=service)


def _readiness_reply(states: Sequence[Readiness], is_json: bool) -> Reply:
    status = 200 if all(state.is_ready for state in states) else 503
    if is_json:
        lines = [{"name": state.name, "is_ready": state.is_ready, "reason": state.reason} for state in states]
        return Reply.json({"is_ready": status == 200, "dependencies": lines}, status)
    text = "".join(_line(state) for state in states)
    return Reply.raw(text.encode(), _TEXT, status)


def _line(state: Readiness) -> str:
    return f"{state.name}: ready\n" if state.is_ready else f"{state.name}: not ready: {state.reason}\n"
