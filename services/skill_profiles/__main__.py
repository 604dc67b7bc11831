"""Wires skill_profiles together: settings in, a Service out."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final, cast

from deedlog.skill_profiles.v1 import service_pb2_grpc
from services.skill_profiles.clients import IdentityClient, InferenceClient
from services.skill_profiles.handlers.accesses import Accesses
from services.skill_profiles.handlers.comparing import Comparing
from services.skill_profiles.handlers.following import Following
from services.skill_profiles.handlers.reading import Profiles
from services.skill_profiles.handlers.requests import Requests
from services.skill_profiles.http.comparing import comparing_endpoints
from services.skill_profiles.http.profiles import profile_endpoints
from services.skill_profiles.http.requests import request_endpoints
from services.skill_profiles.jobs import ChangeWatch, empty_erased, watch_parked
from services.skill_profiles.rpc import FOLLOW_ACCESS, GET_ACCESS, SkillProfilesServicer
from services.skill_profiles.settings import SkillProfilesSettings
from services.skill_profiles.store.accesses import PostgresAccesses
from services.skill_profiles.store.changes import PostgresChanges
from services.skill_profiles.store.erasures import PostgresErasures
from services.skill_profiles.store.profiles import PostgresProfiles
from services.skill_profiles.store.requests import PostgresRequests
from services.skill_profiles.stream import ProfilesEffect
from shared.events.sources import SKILL_PROFILES
from shared.kernel.ids import FactId, system_fact_id, system_id
from shared.runtime.backbone import Backbone
from shared.runtime.background import Task
from shared.runtime.service import Peers, RpcDoor, Service, main
from shared.runtime.settings import Settings

SETTINGS: Final = SkillProfilesSettings


class SystemMint:
    """A Mint on the machine's clock and randomness."""

    def id(self, kind: str) -> str:
        """Return a fresh identifier."""
        return system_id(kind)

    def fact_id(self) -> FactId:
        """Return a fresh fact id."""
        return system_fact_id()


def build(settings: Settings, peers: Peers) -> Service:
    """Return skill_profiles, built and not started. `settings` are SkillProfilesSettings."""
    settings = cast("SkillProfilesSettings", settings)
    clock, mint = peers.clock, SystemMint()
    folder = Path(__file__).parent
    backbone = Backbone(settings, clock, folder, source=SKILL_PROFILES, feed=peers.feed(), is_rebuildable=True)
    store, accesses, changes = PostgresProfiles(backbone), PostgresAccesses(backbone), PostgresChanges(backbone)
    watch = ChangeWatch(changes)
    backbone.hear(ProfilesEffect(watch.nudge))
    identity = IdentityClient(peers.channel("identity"))
    profiles = Profiles(store, identity, accesses, clock, mint)
    comparing = Comparing(profiles, InferenceClient(peers.channel("skill_inference")))
    requests = Requests(PostgresRequests(backbone), store, identity, clock, mint)
    following = Following(changes, profiles, identity, watch, clock)
    servicer = SkillProfilesServicer(profiles, following, settings.followers_max)
    idempotency = backbone.idempotency()

    async def mark_rebuilt() -> None:
        if await changes.mark_rebuilt():
            watch.nudge()

    backbone.after_rebuild = mark_rebuilt
    return Service(
        backbone,
        endpoints=[
            *profile_endpoints(profiles, Accesses(accesses, store)),
            *comparing_endpoints(comparing),
            *request_endpoints(requests, idempotency),
        ],
        doors=[
            RpcDoor(
                servicer,
                service_pb2_grpc.add_SkillProfilesServiceServicer_to_server,
                methods={"GetProfile": GET_ACCESS, "FollowProfiles": FOLLOW_ACCESS},
            )
        ],
        components=[
            Task("skill_profiles.changes", watch.run),
            Task("skill_profiles.parked", partial(watch_parked, changes, watch)),
            Task("skill_profiles.erasures", partial(empty_erased, PostgresErasures(backbone), mint.fact_id)),
            Task("skill_profiles.rebuilt", mark_rebuilt, is_endless=False),
            Task("skill_profiles.idempotency", idempotency.keep_purging),
        ],
    )


if __name__ == "__main__":
    main("skill_profiles", build, SETTINGS)
