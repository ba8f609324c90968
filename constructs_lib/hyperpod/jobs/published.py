"""A job where ``trainyard cluster submit`` finds it."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from constructs_lib.hyperpod.jobs.base import ClusterJob
from constructs_lib.training.code import grant_read_asset
from ml_contract.clusters import jobs as contract


class PublishedJob(Construct):
    """A job where ``trainyard cluster submit`` finds it: its text as an asset, a parameter that leads there."""

    def __init__(self, scope: Construct, construct_id: str, *, job: ClusterJob, parameter: str) -> None:
        """Publish the job.

        Args:
            scope: Parent.
            construct_id: Construct id.
            job: The job; `ClusterJob.grant` is the caller's to give to the roles of the groups that run it.
            parameter: Name of the parameter: ``ml_contract.clusters.jobs.parameter``.
        """
        super().__init__(scope, construct_id)
        with tempfile.TemporaryDirectory(prefix="trainyard-job-") as folder:
            path = Path(folder) / f"{job.name}.{'sh' if job.kind == 'slurm' else 'yaml'}"
            path.write_text(job.text())
            # CDK copies the file at once.
            self.asset = assets.Asset(self, "Text", path=str(path))
        for note in job.bound.notes:
            cdk.Annotations.of(self).add_warning_v2(f"trainyard:job:{job.name}:{note}", note)
        document = contract.PublishedJob(
            kind=job.kind, text=self.asset.s3_object_url, variables=dict(job.variables(self))
        )
        text = cdk.Stack.of(self).to_json_string(dataclasses.asdict(document))
        self.parameter = ssm.StringParameter(self, "Parameter", parameter_name=parameter, string_value=text)

    def grant_read(self, role: iam.IRole) -> None:
        """Let ``role`` find and read the job."""
        self.parameter.grant_read(role)
        grant_read_asset(self.asset, role)
