"""project_submissions: settings, wiring, run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final, cast

from services.project_submissions.clients.bundle_folder import BundleFolder
from services.project_submissions.clients.git_bundle import BundleLimits, GitBundleReader
from services.project_submissions.clients.people import RpcPeople
from services.project_submissions.domain.deployment_rubric import DEPLOYMENT
from services.project_submissions.handlers import Ids, Submissions
from services.project_submissions.http import Door
from services.project_submissions.jobs import Checking
from services.project_submissions.settings import ProjectSubmissionsSettings
from services.project_submissions.store import PostgresLibrary
from shared.events.sources import PROJECT_SUBMISSIONS
from shared.kernel.ids import EvidenceId, ProjectId, ReviewId, SubmissionId, system_fact_id, system_id
from shared.runtime.backbone import Backbone
from shared.runtime.background import Task
from shared.runtime.http import Handler
from shared.runtime.idempotency import idempotent
from shared.runtime.service import Peers, Service, main
from shared.runtime.settings import Settings

NAME: Final = "project_submissions"
SETTINGS: Final = ProjectSubmissionsSettings
IDS: Final = Ids(
    project=lambda: ProjectId(system_id("project")),
    submission=lambda: SubmissionId(system_id("submission")),
    evidence=lambda: EvidenceId(system_id("evidence")),
    review=lambda: ReviewId(system_id("review")),
    fact=system_fact_id,
)


def build(settings: Settings, peers: Peers) -> Service:
    """Return the service, wired; nothing is open yet but its folders."""
    own = cast("ProjectSubmissionsSettings", settings)
    backbone = Backbone(own, peers.clock, Path(__file__).parent, source=PROJECT_SUBMISSIONS, feed=peers.feed())
    folder = BundleFolder(own.data_folder)
    nudged = asyncio.Event()
    library = PostgresLibrary(backbone)
    submissions = Submissions(
        library, RpcPeople(peers.channel("identity")), DEPLOYMENT, peers.clock, IDS, own.pending_max, nudged.set
    )
    reader = GitBundleReader(folder.scratch, BundleLimits(bundle_bytes_max=own.bundle_bytes_max))
    checking = Checking(library, reader, folder.path, nudged)
    keys = backbone.idempotency()

    def once(handler: Handler) -> Handler:
        return idempotent(handler, keys)

    door = Door(submissions, folder, DEPLOYMENT, own.bundle_bytes_max)
    return Service(
        backbone,
        endpoints=door.endpoints(once),
        components=[
            Task(f"{NAME}.checking", lambda: checking.run(submissions)),
            Task(f"{NAME}.idempotency", keys.keep_purging),
        ],
    )


if __name__ == "__main__":
    main(NAME, build, SETTINGS)
