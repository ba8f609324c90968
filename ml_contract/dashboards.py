"""Where a deployment says which dashboards there are, and for which Grafana: parameters of AWS Systems Manager."""

from __future__ import annotations

GRAFANA = "grafana"
"""Last part of the parameter with the id of Grafana's workspace."""
SOURCE = "prometheus"
"""Last part of the parameter with the address that queries go to, ``https://…/workspaces/ws-…/``."""
PAGES = "dashboards"
"""What is between the path and a dashboard's id, in names of parameters that hold ``s3://bucket/key``."""


def path(environment: str) -> str:
    """What the names start with."""
    return f"/trainyard/{environment}/observability"
