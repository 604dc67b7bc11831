"""Refuses to build a wheel or sdist of the root project: it would install `shared`, `services` and `cli` for strangers.

Loaded by hatchling as a build hook, so it imports hatchling and the standard library only. See decision 0004.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class EditableOnly(BuildHookInterface[Any]):
    """Lets an editable install pass and stops every other build with what to build instead."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Return for an editable build. Raises RuntimeError for any other."""
        if version != "editable":
            raise RuntimeError(
                "Deedlog is installed editable, from its repository (make setup). "
                "The wheels for others are packaging/client and packaging/verifier: pip wheel ./packaging/verifier"
            )
