"""What the console is told at start. It has no database, so nobody has to name one."""

from __future__ import annotations

from pydantic import SecretStr

from shared.runtime.settings import Settings


class ConsoleSettings(Settings):
    """The settings of the console."""

    database_door_url: SecretStr = SecretStr("")
    database_backbone_url: SecretStr = SecretStr("")
