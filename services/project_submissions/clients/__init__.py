"""What this service calls: git, for the bundles that people hand in."""

from services.project_submissions.clients.git_bundle import BundleLimits, GitBundleReader

__all__ = ["BundleLimits", "GitBundleReader"]
