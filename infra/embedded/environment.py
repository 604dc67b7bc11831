"""What each process of an embedded house is told: the variables that `shared.runtime.settings` and services read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from infra.embedded.home import Home, Secrets
from infra.embedded.layout import WITHOUT_BACKBONE, Layout, Process
from infra.embedded.ports import HOST
from infra.embedded.process import BARE_ENVIRONMENT

ROOT: Final = Path(__file__).resolve().parents[2]

TUNING: Final[Mapping[str, str]] = {
    # Each connection is a process of PostgreSQL's, 5 MB and more.
    "DEEDLOG_DATABASE_CONNECTIONS_MAX": "6",
    # One process consumes. With four, a statement cost the whole house a quarter more in batches, fetches and replies;
    # what one brings is that a gap whose owner is away holds the whole topic for that consumer until it is back.
    "DEEDLOG_TOPIC_PARTITIONS": "1",
    # The broker keeps all it ever carried, about 1 KB a fact, and gives it back when a topic is deleted.
    "DEEDLOG_TOPIC_FACTS_MAX": "100000",
    # It does not wake a long poll: half of this is what a hop waits on average, and idle consumers ask so often.
    "DEEDLOG_FETCH_WAIT_MS": "40",
    # A group's first fetch waits for half of this.
    "DEEDLOG_SESSION_TIMEOUT_MS": "3000",
    # Threads of gRPC would each take an arena of their own.
    "MALLOC_ARENA_MAX": "2",
}


def environment_of(process: Process, layout: Layout, home: Home, secrets: Secrets) -> dict[str, str]:
    """Return all variables of one process; nothing of the caller's own environment is among them."""
    variables = {
        **BARE_ENVIRONMENT,
        **TUNING,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'proto' / 'gen'}",
        "DEEDLOG_ORIGIN": layout.origin,
        "DEEDLOG_IS_EMBEDDED": "true",
        "DEEDLOG_KAFKA_ADDRESS": f"{HOST}:{layout.broker_port}",
        "DEEDLOG_HTTP_HOST": HOST,
        "DEEDLOG_HTTP_PORT": str(process.http_port),
        "DEEDLOG_RPC_PORT": str(process.rpc_port),
        "DEEDLOG_METRICS_PORT": str(process.metrics_port),
        "DEEDLOG_RPC_ADDRESSES": json.dumps(layout.rpc_addresses),
        "DEEDLOG_SERVICE_TOKEN": secrets.service_token,
        "DEEDLOG_ADMIN_KEY_DIGEST": home.admin_key_digest(),
    }
    for service in process.services:
        variables |= _of_service(service, layout, home, secrets)
    return variables


def _of_service(service: str, layout: Layout, home: Home, secrets: Secrets) -> dict[str, str]:
    prefix = f"DEEDLOG_{service.upper()}"
    variables = {
        f"{prefix}_KEYS_FOLDER": str(home.keys / service),
        f"{prefix}_DATA_FOLDER": str(home.files / service),
    }
    for role in ("door", "backbone"):
        # A service without a database is told an address where nobody is let in: its settings ask for one.
        password = "none" if service in WITHOUT_BACKBONE else secrets.passwords[service][role]
        url = f"postgresql://{service}_{role}:{password}@{HOST}:{layout.postgres_port}/deedlog_{service}"
        variables[f"{prefix}_DATABASE_{role.upper()}_URL"] = url
    return variables
