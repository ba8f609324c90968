"""What each kind of resource bills; importing this package registers them all."""

from trainyard.cost.estimators import (
    budgets,
    clusters,
    compute,
    databases,
    endpoints,
    files,
    keys,
    monitoring,
    network,
    observability,
    pipelines,
    storage,
)

__all__ = [
    "budgets",
    "clusters",
    "compute",
    "databases",
    "endpoints",
    "files",
    "keys",
    "monitoring",
    "network",
    "observability",
    "pipelines",
    "storage",
]
