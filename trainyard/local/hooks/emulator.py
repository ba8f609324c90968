"""The emulator with every hook of ours in its place."""

from __future__ import annotations

from trainyard.local.api.store import Store
from trainyard.local.hooks import (
    container_registry,
    dashboards,
    embedded_metrics,
    event_rules,
    iam,
    key_states,
    kms_access,
    log_filters,
    metric_data,
    routing,
    s3_checksums,
    s3_objects,
    secret_access,
    sessions,
    web_identity,
)
from trainyard.local.hooks.alarms import Alarms
from trainyard.local.hooks.databases import DatabaseInstances
from trainyard.local.hooks.log_queries import LogQueries
from trainyard.local.hooks.s3_metrics import S3Metrics


def install(
    store: Store, instances: DatabaseInstances, requests: S3Metrics, alarms: Alarms, *, secure_transport: bool
) -> None:
    """Puts the hooks in their places; where several are around one function, the last one is outermost.

    Args:
        store: keeps saved queries.
        instances: the servers of RDS.
        requests: the metrics of S3's requests.
        alarms: what evaluates CloudWatch's.
        secure_transport: what `aws:SecureTransport` is for requests on the plain listener.
    """
    routing.install()
    iam.install(secure_transport=secure_transport)
    sessions.install()
    web_identity.install()
    s3_checksums.install()
    s3_objects.install()
    requests.install()
    key_states.install()
    kms_access.install()
    secret_access.install()
    instances.install()
    container_registry.install()
    log_filters.install()
    event_rules.install()
    embedded_metrics.install()
    LogQueries(store).install()
    metric_data.install()
    dashboards.install()
    alarms.install()
