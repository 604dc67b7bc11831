"""deedlog up, down, status: the house of this data folder."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from cli.answers import ANSWER_IS_NO, Json, facts, show, table, terminal
from cli.surroundings import Surroundings
from infra.embedded.health import Health, health_of_all
from infra.embedded.home import Home
from infra.embedded.house import House
from infra.embedded.keeper import end, keep, keep_detached, require_free
from infra.embedded.layout import LAYOUTS, Layout
from infra.embedded.memory import pss_bytes
from infra.embedded.state import GONE, HouseState, still_runs
from shared.runtime.lifecycle import launch

app = typer.Typer()

LOUD: Final = (
    "Embedded mode: development sign-in is on, so whoever reads admin.key can act as anybody. For this machine only."
)
LayoutOption = Annotated[str, typer.Option("--layout", help=f"How services share processes: {' or '.join(LAYOUTS)}.")]


@app.command()
def up(
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Leave it in the background once it is ready.")
    ] = False,
    layout: LayoutOption = "shared",
    json: Json = False,
) -> None:
    """Start the house; Ctrl-C stops it.

    With --detach it goes on in the background; the command returns when every consumer holds its partitions. The
    data folder is DEEDLOG_HOME, the origin's port DEEDLOG_PORT.
    """
    around = Surroundings.look()
    wanted = around.layout(layout)
    if detach:
        state = keep_detached(around.home, wanted)
        show(_told(around.home, wanted, state.seconds_to_ready), json, lambda: None)
        if not json:
            _welcome(around.home, wanted, state.seconds_to_ready, "deedlog down stops it")
        return
    require_free(around.home)
    console = terminal()

    def report(sentence: str) -> None:
        if not json:
            console.print(Text(f"  {sentence}", style="dim"))

    def ready(house: House) -> None:
        show(_told(around.home, wanted, house.seconds_to_ready), json, lambda: None)
        if not json:
            _welcome(around.home, wanted, house.seconds_to_ready, "Ctrl-C stops it")

    report(f"starting {len(wanted.services)} services in {around.home.path}")
    launch(keep(around.home, wanted, report, ready))


@app.command()
def down(json: Json = False) -> None:
    """Stop the house of this data folder."""
    around = Surroundings.look()
    state = end(around.home)
    said = f"no house runs in {around.home.path}" if state is None else f"stopped: process {state.pid}"
    show({"was_running": state is not None, "home": str(around.home.path)}, json, lambda: Text(said))


@app.command()
def status(json: Json = False) -> None:
    """Say what runs, and whether it is ready. Exit code 1 when it is not."""
    around = Surroundings.look()
    state = around.running()
    if state is None:
        said = f"no house runs in {around.home.path}; start it: deedlog up"
        show({"phase": "stopped", "is_ready": False, "home": str(around.home.path)}, json, lambda: Text(said))
        raise typer.Exit(ANSWER_IS_NO)
    healths = asyncio.run(health_of_all(around.layout_of(state).processes))
    is_ready = state.phase == "ready" and all(one.is_ready for one in healths) and all(map(still_runs, state.processes))
    show(_status(state, healths, around, is_ready), json, lambda: None)
    if not json:
        _draw_status(state, healths, around)
    if not is_ready:
        raise typer.Exit(ANSWER_IS_NO)


def _told(home: Home, layout: Layout, seconds: float) -> dict[str, Any]:
    return {
        "origin": layout.origin,
        "home": str(home.path),
        "admin_key_file": str(home.admin_key_file),
        "layout": layout.name,
        "services": list(layout.services),
        "rpc_addresses": layout.rpc_addresses,
        "seconds_to_ready": round(seconds, 2),
    }


def _welcome(home: Home, layout: Layout, seconds: float, stopping: str) -> None:
    addresses: dict[str, list[str]] = {}
    for service, address in layout.rpc_addresses.items():
        addresses.setdefault(address, []).append(service)
    rpc = "\n".join(f"{address}  {', '.join(services)}" for address, services in addresses.items())
    console = terminal()
    console.print(Text.assemble(("Deedlog is ready", "bold green"), f" after {seconds:.1f} s; {stopping}."))
    console.print(
        facts(
            [
                ("  origin", Text.assemble((layout.origin, "bold"), "  the console and every HTTP API")),
                ("  gRPC", rpc),
                ("  admin key", str(home.admin_key_file)),
                ("  data", f"{home.path}  (logs in {home.logs})"),
                ("  try", "deedlog demo · deedlog doctor · deedlog --help"),
            ]
        )
    )
    console.print(Text(f"  {LOUD}", style="yellow"))


def _status(state: HouseState, healths: list[Health], around: Surroundings, is_ready: bool) -> dict[str, Any]:
    return {
        **state.as_json(),
        "is_ready": is_ready,
        "home": str(around.home.path),
        "origin": around.layout_of(state).origin,
        "memory_bytes": pss_bytes(state.pid),
        "health": [{"process": one.process, "is_ready": one.is_ready, "reason": one.reason} for one in healths],
    }


def _draw_status(state: HouseState, healths: list[Health], around: Surroundings) -> None:
    console = terminal()
    console.print(
        Text(f"{around.layout_of(state).origin}  {state.phase} since {state.started_at}, process {state.pid}")
    )
    reasons = {one.process: one.reason for one in healths}
    rows = [
        (
            one.name,
            one.pid,
            one.restarts,
            f"{pss_bytes(one.pid) / 2**20:.0f} MB",
            one.reason or ("" if still_runs(one) else GONE) or reasons.get(one.name) or "ready",
        )
        for one in state.processes
    ]
    console.print(table(("process", "pid", "restarts", "memory", "state"), rows, "nothing runs"))
