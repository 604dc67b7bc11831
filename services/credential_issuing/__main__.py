"""credential_issuing: settings, wiring, run."""

from __future__ import annotations

import secrets
from pathlib import Path

from services.credential_issuing.domain.achievements import read_achievements
from services.credential_issuing.domain.did_web import did_web
from services.credential_issuing.domain.open_badge import Issuer
from services.credential_issuing.domain.policy import RULE_1
from services.credential_issuing.handlers.office import Office
from services.credential_issuing.http import CredentialDoor
from services.credential_issuing.jobs import Rounds
from services.credential_issuing.parameters import achievements_document
from services.credential_issuing.settings import CredentialIssuingSettings
from services.credential_issuing.store.registry import PostgresRegistry
from services.credential_issuing.store.rooms import PostgresEraser, PostgresWaitingRoom
from services.credential_issuing.store.shelves import PostgresShelves
from services.credential_issuing.stream import Issuing
from shared.events.sources import CREDENTIAL_ISSUING
from shared.kernel.ids import CredentialId, system_fact_id, system_id
from shared.runtime.backbone import Backbone
from shared.runtime.background import Task
from shared.runtime.key_files import KeyFolder
from shared.runtime.service import Peers, Service, main
from shared.runtime.settings import Settings


def build(settings: Settings, peers: Peers) -> Service:
    """Return the service credential_issuing."""
    assert isinstance(settings, CredentialIssuingSettings)
    office = _office(settings)
    backbone = Backbone(settings, peers.clock, Path(__file__).parent, source=CREDENTIAL_ISSUING, feed=peers.feed())
    backbone.hear(Issuing(office, peers.clock))
    rounds = Rounds(
        PostgresWaitingRoom(backbone), PostgresEraser(backbone), office, peers.clock, settings.round_seconds
    )
    door = CredentialDoor(backbone, PostgresShelves(backbone), PostgresRegistry(backbone), office, peers.clock)
    components = [
        Task("credential_issuing.rounds", rounds.run),
        Task("credential_issuing.idempotency", backbone.idempotency().keep_purging),
    ]
    return Service(backbone, endpoints=door.endpoints(), components=components)


def _office(settings: CredentialIssuingSettings) -> Office:
    return Office(
        issuer=Issuer(did_web(settings.origin), settings.issuer_name, settings.origin),
        origin=settings.origin,
        rule=RULE_1,
        achievements=read_achievements(achievements_document(), settings.origin),
        keys=KeyFolder(settings.keys_folder),
        list_validity=settings.status_list_validity,
        new_id=_new_id,
        new_fact_id=system_fact_id,
        random_bytes=secrets.token_bytes,
    )


def _new_id() -> CredentialId:
    return CredentialId(system_id("credential"))


if __name__ == "__main__":
    main("credential_issuing", build, CredentialIssuingSettings)
