"""Every metric Deedlog counts, declared once, so that a name means the same in each service and on each dashboard.

Several services may share one process, so whatever belongs to one carries its name as the label `service`. Labels hold
names from our own code (services, topics, routes, bounds), never a caller's words: each new label value is a new time
series for ever. Log lines live in `log_lines.py`, spans in `tracing.py`.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_BATCH_BUCKETS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_DURATION_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

FACTS_APPENDED: Final = Counter("deedlog_facts_appended", "Facts committed by their owner.", ["service"])
APPEND_BATCH_FACTS: Final = Histogram(
    "deedlog_append_batch_facts", "Facts committed in one transaction.", ["service"], buckets=_BATCH_BUCKETS
)

RELAY_PRODUCED: Final = Counter("deedlog_relay_produced", "Facts the broker has acknowledged.", ["service"])
RELAY_BATCH_FACTS: Final = Histogram(
    "deedlog_relay_batch_facts", "Facts produced before one move of the cursor.", ["service"], buckets=_BATCH_BUCKETS
)
RELAY_LAG_SECONDS: Final = Gauge(
    "deedlog_relay_lag_seconds", "Age of the oldest committed fact that is not on its topic; 0 when none.", ["service"]
)
RELAY_HORIZON_AGE_SECONDS: Final = Gauge(
    "deedlog_relay_horizon_age_seconds", "Age of the oldest transaction that holds the snapshot horizon.", ["service"]
)

CONSUMER_APPLIED: Final = Counter(
    "deedlog_consumer_applied", "Facts whose effect was committed.", ["service", "source"]
)
CONSUMER_DUPLICATES: Final = Counter(
    "deedlog_consumer_duplicates", "Facts met again and skipped; never a fault.", ["service", "source"]
)
CONSUMER_GAPS: Final = Counter(
    "deedlog_consumer_gaps", "Gaps found in a stream and mended from its owner.", ["service", "source"]
)
CONSUMER_LOST_TAILS: Final = Counter(
    "deedlog_consumer_lost_tails", "Streams whose last facts never came by the topic.", ["service", "source"]
)
CONSUMER_PARKED: Final = Counter(
    "deedlog_consumer_parked",
    "Streams parked at a fact that breaks an invariant; somebody must look.",
    ["service", "source"],
)
CONSUMER_SET_ASIDE: Final = Counter(
    "deedlog_consumer_set_aside", "Facts understood but unusable, kept with their reason.", ["service", "source"]
)
CONSUMER_BATCH_FACTS: Final = Histogram(
    "deedlog_consumer_batch_facts", "Facts handed to one transaction.", ["service", "source"], buckets=_BATCH_BUCKETS
)
CONSUMER_LAG_SECONDS: Final = Gauge(
    "deedlog_consumer_lag_seconds", "Time from a fact being told to its effect being committed.", ["service", "source"]
)

BOUND_REACHED: Final = Counter(
    "deedlog_bound_reached", "Times a stated bound on a queue, batch, payload, page or cache was met.", ["bound"]
)
COMPONENT_RESTARTS: Final = Counter(
    "deedlog_component_restarts", "Times a background task failed and was started again.", ["component"]
)

HTTP_REQUESTS: Final = Counter("deedlog_http_requests", "Requests answered.", ["service", "method", "route", "status"])
HTTP_SECONDS: Final = Histogram(
    "deedlog_http_seconds", "From the head of a request to the end of its reply.", ["service", "method", "route"],
    buckets=_DURATION_BUCKETS,
)  # fmt: skip
RPC_REQUESTS: Final = Counter("deedlog_rpc_requests", "Calls answered.", ["rpc", "code"])
RPC_SECONDS: Final = Histogram(
    "deedlog_rpc_seconds", "From the start of a call to its status.", ["rpc"], buckets=_DURATION_BUCKETS
)
AUTHENTICATIONS: Final = Counter(
    "deedlog_authentications", "Secrets checked: from the cache, asked of identity, or joined to a question under way.",
    ["outcome"],
)  # fmt: skip
CALLERS_REFUSED: Final = Counter(
    "deedlog_callers_refused",
    "Writing requests turned away at the door: no-credential, unknown-key (of no key ever made), forbidden.",
    ["service", "reason"],
)

RETENTION_REMOVED: Final = Counter(
    "deedlog_retention_removed", "Statements removed because of their age, by their organisation's policy.", ["service"]
)
BACKFILLED: Final = Counter(
    "deedlog_backfilled", "Statements looked at that were stored before what they are found by was.", ["service"]
)


def count_bound(bound: str, times: int = 1) -> None:
    """Count that the bound of this name was met; `bound` is a constant of ours, such as "http-body-bytes"."""
    BOUND_REACHED.labels(bound).inc(times)
