"""project_submissions: settings, wiring, run."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Final, cast

from services.project_submissions.clients.bundle_folder import BundleFolder
from services.project_submissions.clients.git_bundle import BundleLimits
from services.project_submissions.clients.people import RpcPeople
from services.project_submissions.domain.deployment_rubric import DEPLOYMENT
from services.project_submissions.handlers.checking import CheckDesk
from services.project_submissions.handlers.erasure import ErasureDesk
from services.project_submissions.handlers.ports import Mint
from services.project_submissions.handlers.projects import ProjectDesk
from services.project_submissions.handlers.reviews import ReviewDesk
from services.project_submissions.handlers.submissions import SubmissionDesk, Waiting
from services.project_submissions.http.projects import project_endpoints
from services.project_submissions.http.reviews import review_endpoints
from services.project_submissions.http.rubrics import rubric_endpoints
from services.project_submissions.http.submissions import submission_endpoints
from services.project_submissions.jobs import Checking, Erasing, Tidying
from services.project_submissions.settings import ProjectSubmissionsSettings
from services.project_submissions.store.library import PostgresLibrary
from services.project_submissions.stream import PeopleEffect
from shared.events.sources import PROJECT_SUBMISSIONS
from shared.kernel.ids import EvidenceId, ProjectId, ReviewId, SubmissionId, system_fact_id, system_id
from shared.runtime import telemetry
from shared.runtime.backbone import Backbone
from shared.runtime.background import Task
from shared.runtime.lifecycle import Component
from shared.runtime.service import Peers, Service, main
from shared.runtime.settings import Settings

NAME: Final = "project_submissions"
SETTINGS: Final = ProjectSubmissionsSettings
MINT: Final = Mint(
    project=lambda: ProjectId(system_id("project")),
    submission=lambda: SubmissionId(system_id("submission")),
    evidence=lambda: EvidenceId(system_id("evidence")),
    review=lambda: ReviewId(system_id("review")),
    fact=system_fact_id,
)


def build(settings: Settings, peers: Peers) -> Service:
    """Return the service, wired; nothing is open yet. `settings` are ProjectSubmissionsSettings."""
    own, clock = cast("ProjectSubmissionsSettings", settings), peers.clock
    feed = peers.feed()
    backbone = Backbone(own, clock, Path(__file__).parent, source=PROJECT_SUBMISSIONS, feed=feed, is_rebuildable=True)
    backbone.hear(PeopleEffect())
    library, people, keys = PostgresLibrary(backbone), RpcPeople(peers.channel("identity")), backbone.idempotency()
    folder = BundleFolder(own.data_folder, clock, BundleLimits(bundle_bytes_max=own.bundle_bytes_max))
    nudged = asyncio.Event()
    waiting = Waiting(own.pending_max, partial(telemetry.count_bound, "waiting-submissions"), nudged.set)
    projects_full = partial(telemetry.count_bound, "projects")
    endpoints = [
        *project_endpoints(ProjectDesk(library, people, clock, MINT, own.projects_max, projects_full), keys),
        *submission_endpoints(SubmissionDesk(library, clock, MINT, waiting), folder, own.bundle_bytes_max, keys),
        *review_endpoints(ReviewDesk(library, people, DEPLOYMENT, clock, MINT), keys),
        *rubric_endpoints(DEPLOYMENT),
    ]
    checking = Checking(library, CheckDesk(library, folder, MINT), nudged)
    components: list[Component] = [
        folder,
        Task(f"{NAME}.checking", checking.run),
        Task(f"{NAME}.erasing", Erasing(library, ErasureDesk(library, folder, MINT)).run),
        Task(f"{NAME}.tidying", Tidying(library, folder).run),
        Task(f"{NAME}.idempotency", keys.keep_purging),
    ]
    return Service(backbone, endpoints=endpoints, components=components)


if __name__ == "__main__":
    main(NAME, build, SETTINGS)
