"""Makes the reference pages that must never differ from the code, and says whether those committed do.

    python -m tools.reference            write docs/reference/events.md, docs/reference/events/, asyncapi.json
    python -m tools.reference --check    exit 1 and name the files that differ

The pydantic models in shared/events are the contract; a JSON Schema a type, the list of types and the AsyncAPI 3
document are drawn from them.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from pathlib import Path
from typing import Any, Final

from shared.events.event import REGISTRY, Event
from shared.events.sources import SOURCES, Source

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / "docs" / "reference"
ASYNCAPI_VERSION: Final = "3.0.0"
SCHEMA_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_HEAD: Final = """# Events

Every fact that is told, by its CloudEvents type. Made by `make docs` from `shared/events`; do not edit.
A type's fields and their rules are in its JSON Schema. A newer version is a new type; old ones stay readable for ever.
"""


def pages() -> dict[str, str]:
    """Return the text of every generated page by its path below docs/reference."""
    made = {f"events/{name}.json": _json(schema(model)) for name, model in sorted(REGISTRY.items())}
    return made | {"events.md": event_list(), "asyncapi.json": _json(asyncapi())}


def schema(model: type[Event]) -> dict[str, Any]:
    """Return the JSON Schema of an event's data as readers meet it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = model.model_json_schema(mode="serialization", ref_template="#/$defs/{model}")
    return {"$schema": SCHEMA_DIALECT, "$id": f"{model.type}.json", **drawn, "title": model.type}


def event_list() -> str:
    """Return the page that lists all types, by source."""
    parts = [_HEAD]
    for source in SOURCES.values():
        rows = [f"| [`{name}`](events/{name}.json) | {_says(model)} |" for name, model in _told_by(source)]
        if rows:
            parts.append(
                f"## {source.name}\n\nOn `{source.topic}`.\n\n| type | says |\n|---|---|\n" + "\n".join(rows) + "\n"
            )
    return "\n".join(parts)


def asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI 3 document of all topics: a channel a source, a message a type."""
    told = {source: _told_by(source) for source in SOURCES.values()}
    channels = {
        source.name: {
            "address": source.topic,
            "description": "Keyed by subject. CloudEvents 1.0 in binary content mode: attributes as ce_* headers.",
            "messages": {name: {"$ref": f"#/components/messages/{name}"} for name, _ in messages},
        }
        for source, messages in told.items()
        if messages
    }
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "info": {
            "title": "Deedlog topics",
            "version": "1",
            "description": "Internal: other systems follow a person's profile by the public interfaces.",
        },
        "channels": channels,
        "operations": {
            f"tell-{name}": {"action": "send", "channel": {"$ref": f"#/channels/{name}"}} for name in channels
        },
        "components": {
            "messages": {name: _message(name, model) for rows in told.values() for name, model in rows},
        },
    }


def differences(folder: Path, made: dict[str, str]) -> list[str]:
    """Return one line a page below `folder` that is missing, superfluous or other than `made`."""
    present = {path.relative_to(folder).as_posix() for path in (folder / "events").rglob("*") if path.is_file()}
    found = [f"superfluous: {name}" for name in present - made.keys()]
    for name, text in made.items():
        page = folder / name
        if not page.is_file():
            found.append(f"missing: {name}")
        elif page.read_text(encoding="utf-8") != text:
            found.append(f"different: {name}")
    return sorted(found)


def write(folder: Path, made: dict[str, str]) -> None:
    """Lay all of `made` below `folder`; an event page whose type is gone is removed."""
    for stale in (folder / "events").glob("*.json"):
        if f"events/{stale.name}" not in made:
            stale.unlink()
    for name, text in made.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Write or check, and return the exit code: 0 fine, 1 differs."""
    parser = argparse.ArgumentParser(prog="python -m tools.reference", description="generated reference pages")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a page is not up to date")
    made = pages()
    if not parser.parse_args(arguments).check:
        write(FOLDER, made)
        sys.stdout.write(f"docs/reference: {len(made)} pages\n")
        return 0
    stale = differences(FOLDER, made)
    for line in stale:
        sys.stderr.write(f"docs/reference: {line}\n")
    if stale:
        sys.stderr.write("The reference is not what the code says. Type: make docs\n")
    return 1 if stale else 0


def _told_by(source: Source) -> list[tuple[str, type[Event]]]:
    return sorted((name, model) for name, model in REGISTRY.items() if model.source_of == source)


def _says(model: type[Event]) -> str:
    return " ".join((model.__doc__ or "").split("\n\n")[0].split())


def _message(name: str, model: type[Event]) -> dict[str, Any]:
    return {
        "name": name,
        "title": model.__name__,
        "summary": _says(model),
        "contentType": "application/json",
        "headers": {
            "type": "object",
            "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_sequence"],
            "properties": {"ce_type": {"const": name}, "ce_source": {"const": model.source_of.name}},
        },
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"events/{name}.json"},
        },
    }


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
