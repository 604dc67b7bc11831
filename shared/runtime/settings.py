"""What a service is told at start, read once from the environment into a frozen object.

A field `database_door_url` of the service `identity` is read from DEEDLOG_IDENTITY_DATABASE_DOOR_URL and, failing
that, from DEEDLOG_DATABASE_DOOR_URL, so that several services can share a process. Every fault is listed together.
Nothing below the composition roots sees the environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, Json, SecretStr, ValidationError

from shared.kernel.errors import Fault, Rejected


class Settings(BaseModel):
    """The settings every service shares. A service adds its own fields in a subclass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: str
    origin: str = Field("http://127.0.0.1:8080", description="The one public origin, without a slash at the end.")
    is_embedded: bool = Field(False, description="Everything on one machine: development sign-in, said loudly.")
    database_door_url: SecretStr = Field(description="Postgres as <service>_door: sees its organisation's rows only.")
    database_backbone_url: SecretStr = Field(description="Postgres as <service>_backbone: relay, consumers, feed.")
    database_connections_max: int = Field(8, ge=2, le=64, description="Connections a pool; two pools a service.")
    kafka_address: str = Field("127.0.0.1:9092", description="host:port of any broker.")
    topic_partitions: int = Field(12, ge=1, le=256, description="Partitions of a topic made by us; may grow.")
    topic_replicas: int = Field(1, ge=1, le=9, description="Replicas of a topic made by us.")
    topic_facts_max: int = Field(0, ge=0, description="Facts after which a topic is rotated; 0 means never.")
    fetch_wait_ms: int = Field(20, ge=1, le=500, description="A broker that does not wake a long poll needs 5 to 20.")
    session_timeout_ms: int = Field(10_000, ge=1_000, le=60_000, description="After which a silent member is out.")
    broker_watch_seconds: float = Field(0.5, gt=0, le=60, description="How often the broker's identity is looked at.")
    tail_check_seconds: float = Field(10.0, gt=0, le=3600, description="How often lost tails are looked for.")
    tail_age_seconds: float = Field(30.0, ge=0, le=3600, description="A head younger than this is never called lost.")
    http_host: str = "127.0.0.1"
    http_port: int = Field(0, ge=0, le=65535)
    rpc_port: int = Field(0, ge=0, le=65535)
    metrics_port: int = Field(0, ge=0, le=65535)
    rpc_addresses: Json[dict[str, str]] = Field(default_factory=dict, description="host:port of each service's gRPC.")
    service_token: SecretStr = Field(
        description="What services show one another; 32 characters or more.", min_length=32
    )

    fault_point: str = Field("", description="name:hit of a point of `faults` to end at, hard; for tests only.")

    @classmethod
    def load(cls, service: str, environment: Mapping[str, str] | None = None) -> Self:
        """Return the settings of `service`. Raises Rejected listing every missing or wrong variable."""
        variables = os.environ if environment is None else environment
        found = {"service": service}
        for field in cls.model_fields:
            for name in (f"DEEDLOG_{service}_{field}".upper(), f"DEEDLOG_{field}".upper()):
                if name in variables:
                    found[field] = variables[name]
                    break
        try:
            return cls.model_validate(found)
        except ValidationError as error:
            raise _faults(service, error) from None

    def rpc_address(self, service: str) -> str:
        """Return host:port of another service's gRPC door. Raises Rejected when it is not set."""
        address = self.rpc_addresses.get(service)
        if address is None:
            raise Rejected.of(
                "DEEDLOG_RPC_ADDRESSES", f"there is no address for {service}", "Add it to the JSON object."
            )
        return address


def _faults(service: str, error: ValidationError) -> Rejected:
    faults = []
    for detail in error.errors(include_url=False, include_input=False, include_context=False):
        name = f"DEEDLOG_{str(detail['loc'][0]).upper()}"
        faults.append(Fault(name, detail["msg"], f"Set {name}, or the same with {service.upper()}_ for this service."))
    listed = "; ".join(f"{fault.pointer}: {fault.rule}" for fault in faults)
    return Rejected(f"{service} cannot start, its settings are wrong: {listed}", faults)
