"""deedlog events refused, mend, resend: what the house refused of an organisation's deliveries, until it is taken."""

from __future__ import annotations

import json as jsonlib
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType

from cli.answers import ANSWER_IS_NO, Json, facts, show, table
from cli.callers import LIMIT, Key, Limit, caller
from shared.kernel.errors import Rejected

Delivery = Annotated[
    str, typer.Argument(metavar="DELIVERY", help="The delivery, as `deedlog events refused` lists it.")
]
TAKEN = frozenset({"stored", "duplicate"})
ITEM_CHARACTERS_SHOWN = 200


def refused(
    delivery: Annotated[str | None, typer.Argument(metavar="[DELIVERY]", help="Show its refused items.")] = None,
    key: Key = None,
    limit: Limit = LIMIT,
    json: Json = False,
) -> None:
    """List deliveries of which something was refused, newest first, or show the refused items of one.

    With an organisation's key, scope read.
    """
    with caller(key) as api:
        if delivery is not None:
            one = api.get(f"/v1/deliveries/{delivery}")
            show(one, json, lambda: _drawn(one))
            return
        found = api.items("/v1/deliveries", limit, refused="true")
    rows = ((one["id"], one["received_at"], one["path"], _status(one), _first(one), _state(one)) for one in found)
    columns = ("delivery", "received", "path", "status", "first fault", "sent again")
    show(found, json, lambda: table(columns, rows, "nothing was refused in the last week"))


def mend(
    delivery: Delivery,
    index: Annotated[int, typer.Argument(min=0, help="Which item, as the delivery tells it.")],
    file: Annotated[typer.FileBinaryRead, typer.Argument(help="The event as it should be, or - for standard input.")],
    is_patch: Annotated[bool, typer.Option("--patch", help="The file is a JSON Patch (RFC 6902) of the item.")] = False,
    key: Key = None,
    json: Json = False,
) -> None:
    """Have a refused item stand as it should be. Nothing is stored by that; `resend` does.

    With an organisation's key, scope write. Exit code 1 when something is still wrong with it.
    """
    content = file.read()
    try:
        jsonlib.loads(content)
    except ValueError as error:
        raise Rejected.of(file.name, f"it is no JSON ({error})", "Give one event, or with --patch a patch.") from None
    method, kind = ("PATCH", "application/json-patch+json") if is_patch else ("PUT", "application/json")
    with caller(key) as api:
        mended = api.send(method, f"/v1/deliveries/{delivery}/items/{index}", content, kind)
    show(mended, json, lambda: _mended(delivery, mended))
    if not mended["is_ready"]:
        raise typer.Exit(ANSWER_IS_NO)


def resend(delivery: Delivery, key: Key = None, json: Json = False) -> None:
    """Send the refused items of a delivery again, as they stand now; what was taken before is not sent again.

    With an organisation's key, scope write. Exit code 1 when some are refused still. May be repeated.
    """
    with caller(key) as api:
        answer = api.post(f"/v1/deliveries/{delivery}:resend", {})
    rows = ((one["index"], one["outcome"], one["id"], _told(one.get("errors", []))) for one in answer["items"])
    show(answer, json, lambda: table(("item", "outcome", "id", "what is wrong"), rows, "nothing was left to be sent"))
    if any(one["outcome"] not in TAKEN for one in answer["items"]):
        raise typer.Exit(ANSWER_IS_NO)


def _drawn(one: dict[str, Any]) -> RenderableType:
    head = facts(
        [
            ("delivery", one["id"]),
            ("received", one["received_at"]),
            ("path", f"{one['method']} {one['path']}"),
            ("status", one["status"]),
            ("key", one["key"]),
            ("times", one["times"] if one["times"] > 1 else None),
            ("what is wrong", _told(one["errors"]) or None),
            ("sent again", one["resent_at"]),
        ]
    )
    if one["refused"] is None:
        return Group(head, "Nothing of it is kept to be mended: its sender has it.")
    rows = ((each["index"], _became(each), _told(each["errors"]), _item(each)) for each in one["refused"])
    return Group(head, table(("item", "state", "what is wrong", "as it stands"), rows, "nothing was refused"))


def _mended(delivery: str, mended: dict[str, Any]) -> RenderableType:
    if mended["is_ready"]:
        return facts([("item", mended["index"]), ("next", f"deedlog events resend {delivery}")])
    return facts([("item", mended["index"]), ("still wrong", _told(mended["errors"]))])


def _became(one: dict[str, Any]) -> str:
    if "resent" in one:
        return f"{one['resent']['outcome']} at {one['resent']['at']}"
    return "mended" if one.get("is_mended") else "refused"


def _item(one: dict[str, Any]) -> str:
    text = "" if one["item"] is None else jsonlib.dumps(one["item"], ensure_ascii=False)
    return text if len(text) <= ITEM_CHARACTERS_SHOWN else f"{text[:ITEM_CHARACTERS_SHOWN]}…"


def _status(one: dict[str, Any]) -> str:
    return str(one["status"]) if one["times"] == 1 else f"{one['status']}, {one['times']} times"


def _state(one: dict[str, Any]) -> str:
    return "" if one["resent_at"] is None else str(one["resent_at"])


def _first(one: dict[str, Any]) -> str:
    return _told(one["errors"][:1])


def _told(errors: list[dict[str, str]]) -> str:
    lines = [f"{one['pointer']}: {one['rule']}. {one['mend']}".removeprefix(": ").rstrip() for one in errors]
    return "\n".join(lines)
