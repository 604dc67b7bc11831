"""Settings, wiring, run."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from deedlog.learning_events.v1 import service_pb2_grpc
from services.learning_events.clients import IdentityKeys, IdentityPeople, InferenceSkills
from services.learning_events.handlers.backfilling import Backfilling
from services.learning_events.handlers.barring import FailedKeyLog
from services.learning_events.handlers.delivering import DeliveryLog
from services.learning_events.handlers.documents import DocumentKeeping
from services.learning_events.handlers.dry_run import DryRun
from services.learning_events.handlers.erasing import ErasingPeople
from services.learning_events.handlers.inspecting import Inspecting
from services.learning_events.handlers.originals import OriginalReading
from services.learning_events.handlers.publishing import Publishing
from services.learning_events.handlers.reading import Reading
from services.learning_events.handlers.recording import Recording
from services.learning_events.handlers.resending import Resending
from services.learning_events.handlers.retaining import Retaining, Retention
from services.learning_events.handlers.searching import Searching
from services.learning_events.handlers.uploading import Uploading
from services.learning_events.http.about import about_endpoints
from services.learning_events.http.activities import ActivitiesDoor
from services.learning_events.http.agents import AgentsDoor
from services.learning_events.http.alternate import with_alternate_syntax
from services.learning_events.http.bulk import BulkDoor
from services.learning_events.http.caliper import CaliperDoor
from services.learning_events.http.cloud_events import CloudEventsDoor
from services.learning_events.http.connection_test import ConnectionTestDoor
from services.learning_events.http.deliveries import DeliveriesDoor
from services.learning_events.http.delivery_notes import SERVICE, DeliveryNotes
from services.learning_events.http.documents import DocumentsDoor
from services.learning_events.http.events import EventsDoor
from services.learning_events.http.imports import ImportsDoor
from services.learning_events.http.inspector import InspectorDoor
from services.learning_events.http.profiles import ACTIVITY_PROFILE, AGENT_PROFILE
from services.learning_events.http.retention import RetentionDoor
from services.learning_events.http.state import STATE
from services.learning_events.http.statements import StatementsDoor
from services.learning_events.jobs import Erasing, delivery_tasks, import_tasks
from services.learning_events.rpc import WRITERS, LearningEventsServicer
from services.learning_events.settings import LearningEventsSettings
from services.learning_events.store.activities import PostgresActivities
from services.learning_events.store.attachments import PostgresAttachments
from services.learning_events.store.backfill import PostgresBackfill
from services.learning_events.store.deliveries import PostgresDeliveries
from services.learning_events.store.documents import PostgresDocuments
from services.learning_events.store.erased_identifiers import PostgresErasedIdentifiers
from services.learning_events.store.erasures import PostgresErasures
from services.learning_events.store.failed_keys import PostgresFailedKeys
from services.learning_events.store.import_queue import PostgresImportQueue
from services.learning_events.store.imports import PostgresImports
from services.learning_events.store.originals import PostgresOriginals
from services.learning_events.store.retention import PostgresRemoval, PostgresRetention
from services.learning_events.store.search import PostgresCatalogues
from services.learning_events.store.statements import PostgresStatements
from services.learning_events.stream import PeopleEffect
from shared.events.sources import LEARNING_EVENTS
from shared.kernel.errors import Broken
from shared.kernel.ids import system_fact_id, system_id, system_uuid4
from shared.runtime import telemetry
from shared.runtime.backbone import Backbone
from shared.runtime.background import Task
from shared.runtime.service import Peers, RpcDoor, Service, main
from shared.runtime.settings import Settings


def build(settings: Settings, peers: Peers) -> Service:
    """Return the service; nothing is opened or started."""
    if not isinstance(settings, LearningEventsSettings):
        raise Broken("learning_events is built from settings of its own class")
    backbone = Backbone(settings, peers.clock, Path(__file__).parent, source=LEARNING_EVENTS, feed=peers.feed())
    activities = PostgresActivities(backbone)
    statements = PostgresStatements(backbone, activities)
    seconds, entries_max = settings.people_cache_seconds, settings.people_cache_entries_max
    people = IdentityPeople(peers.channel("identity"), peers.clock, seconds, entries_max)
    documents = PostgresDocuments(backbone)
    deliveries = PostgresDeliveries(backbone)
    log = DeliveryLog(deliveries, partial(telemetry.count_bound, "learning-events-deliveries"))
    stores = (documents, activities, statements, log)
    erasing_people = ErasingPeople(people, PostgresErasedIdentifiers(backbone), stores)
    erasing = Erasing(PostgresErasures(backbone), erasing_people, settings.erasure_again_seconds)
    backbone.hear(PeopleEffect(people.forget, erasing.nudge))
    recording = Recording(people, statements, system_fact_id)
    reading = Reading(statements)
    originals = PostgresOriginals(backbone)
    publishing = Publishing(recording, people, originals)
    dry_run = DryRun(people, originals, InferenceSkills(partial(peers.channel, "skill_inference")), peers.clock)
    searching = Searching(PostgresCatalogues(backbone), PostgresAttachments(backbone), peers.clock)
    keeping = DocumentKeeping(people, documents)
    endpoints = [
        *StatementsDoor(recording, reading, searching, peers.clock, new_statement_id, settings.origin).endpoints(),
        *EventsDoor(reading, OriginalReading(statements, originals)).endpoints(),
        *CloudEventsDoor(publishing, dry_run, peers.clock, new_statement_id).endpoints(),
        *BulkDoor(publishing, peers.clock, new_statement_id).endpoints(),
        *CaliperDoor(publishing, peers.clock).endpoints(),
        *about_endpoints(),
        *AgentsDoor(people).endpoints(),
        *ActivitiesDoor(activities).endpoints(),
        *[
            one
            for spec in (STATE, AGENT_PROFILE, ACTIVITY_PROFILE)
            for one in DocumentsDoor(keeping, peers.clock, spec).endpoints()
        ],
    ]
    endpoints += ImportsDoor(Uploading(PostgresImports(backbone), peers.clock, new_import_id)).endpoints()
    queue = PostgresImportQueue(backbone)
    importing = import_tasks(queue, publishing, peers.clock, new_statement_id, settings.import_lease_seconds)
    failed_keys = PostgresFailedKeys(backbone)
    failed = _failed_key_log(failed_keys, peers)
    notes = DeliveryNotes(log, failed, peers.clock, new_statement_id)
    servicer = LearningEventsServicer(publishing, peers.clock, new_statement_id, notes)
    register = service_pb2_grpc.add_LearningEventsServiceServicer_to_server
    rpc = RpcDoor(servicer, register, access=WRITERS, barred=notes.barred)
    endpoints = notes.logged(endpoints)
    endpoints += DeliveriesDoor(Resending(deliveries, publishing), peers.clock).endpoints()
    inspecting = Inspecting(reading, OriginalReading(statements, originals), deliveries)
    endpoints += InspectorDoor(inspecting, peers.clock).endpoints()
    endpoints = with_alternate_syntax(endpoints)
    retaining = Retaining(PostgresRemoval(backbone), peers.clock, settings.retention_every_seconds)
    endpoints += RetentionDoor(Retention(PostgresRetention(backbone), peers.clock, retaining.nudge)).endpoints()
    testing = ConnectionTestDoor(peers.authenticator(), peers.clock, new_statement_id, settings.origin)
    endpoints += testing.endpoints()  # last: it takes every path of xAPI that nothing else serves
    tasks = [
        Task("learning_events.erasing", erasing.run),
        Task("learning_events.retention", retaining.run),
        Task("learning_events.backfill", Backfilling(PostgresBackfill(backbone), peers.clock).run),
        *importing,
        *delivery_tasks(log, failed, (deliveries, failed_keys), peers.clock),
    ]
    return Service(backbone, endpoints, (rpc,), tasks)


def _failed_key_log(store: PostgresFailedKeys, peers: Peers) -> FailedKeyLog:
    dropped = partial(telemetry.count_bound, "learning-events-failed-keys")
    unknown = telemetry.CALLERS_REFUSED.labels(SERVICE, "unknown-key").inc
    names = IdentityKeys(peers.channel("identity"))
    return FailedKeyLog(store, names, peers.clock, new_statement_id, dropped, unknown)


def new_statement_id() -> str:
    """Return an id for a statement that came without one, of a version that every xAPI client reads."""
    return str(system_uuid4())


def new_import_id() -> str:
    """Return an id for an import."""
    return system_id("import")


if __name__ == "__main__":
    main("learning_events", build, LearningEventsSettings)
