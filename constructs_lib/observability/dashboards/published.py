"""Dashboards where ``trainyard dashboards publish`` finds them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from constructs_lib.observability.dashboards.panels import Dashboard
from constructs_lib.published import PublishedParameters
from ml_contract.dashboards import GRAFANA, PAGES, SOURCE
from ml_contract.errors import reject


class PublishedDashboards(Construct):
    """The text of each dashboard as a file of the app's assets, and a parameter that leads there.

    A deployment does not write into Grafana: see docs/decisions/0017-dashboards-by-command.md.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        dashboards: Sequence[Dashboard],
        path: str,
        grafana: str,
        prometheus: str,
    ) -> None:
        """Publish them.

        Args:
            scope: Parent.
            construct_id: Construct id.
            dashboards: Pages, each with an id of its own.
            path: What the parameters' names start with: ``ml_contract.dashboards.path``.
            grafana: Id of Grafana's workspace, for which they are.
            prometheus: Address of Prometheus' workspace, from which they show.

        Raises:
            ContractError: Two have one id.
        """
        super().__init__(scope, construct_id)
        uids = [dashboard.uid for dashboard in dashboards]
        twice = [uid for uid in uids if uids.count(uid) > 1]
        if twice:
            reject("dashboards", twice[0], "an id names one page, and the second would replace it", "Rename one.")
        values = {GRAFANA: grafana, SOURCE: prometheus}
        with tempfile.TemporaryDirectory(prefix="trainyard-dashboards-") as folder:
            for dashboard in dashboards:
                file = Path(folder) / f"{dashboard.uid}.json"
                file.write_text(dashboard.text())
                # CDK copies the file at once.
                asset = assets.Asset(self, dashboard.uid, path=str(file))
                values[f"{PAGES}/{dashboard.uid}"] = asset.s3_object_url
        PublishedParameters(self, "Parameters", path=path, values=values)
