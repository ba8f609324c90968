"""Dashboards as code."""

from constructs_lib.observability.dashboards.nodes import ACCELERATORS, FABRIC, NODES
from constructs_lib.observability.dashboards.panels import Dashboard, Panel, Query, Threshold
from constructs_lib.observability.dashboards.published import PublishedDashboards
from constructs_lib.observability.dashboards.work import KUEUE, SLURM, TRAINING

__all__ = [
    "ACCELERATORS",
    "FABRIC",
    "KUEUE",
    "NODES",
    "SLURM",
    "TRAINING",
    "Dashboard",
    "Panel",
    "PublishedDashboards",
    "Query",
    "Threshold",
]
