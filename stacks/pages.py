"""What operators of an environment look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from constructs import Construct

from constructs_lib.pages import (
    AlarmStates,
    Dashboard,
    LogKeeper,
    Narrowed,
    SavedQueries,
    Widget,
    Words,
    endpoint_widgets,
    host_widgets,
    job_widgets,
    pipeline_widgets,
)
from constructs_lib.pages.queries import Subject
from constructs_lib.pages.training import NAMED
from constructs_lib.pages.widgets import MOST_ALARMS
from constructs_lib.serving.hosted import Hosted
from ml_contract.symptoms import SYMPTOMS
from stacks.base import EnvironmentStack
from stacks.environment import Environment
from stacks.paged import Pages

_OF_ENDPOINTS = tuple(symptom.name for symptom in SYMPTOMS if symptom.name.startswith("endpoint-"))
JOBS = ("TrainingJobs", "ProcessingJobs", "TransformJobs", "OptimizationJobs")
_JOB_GROUPS: Mapping[Subject, dict[str, str]] = {
    "training": {"": "/aws/sagemaker/TrainingJobs"},
    "processing": {"": "/aws/sagemaker/ProcessingJobs"},
}


class PagesStack(EnvironmentStack):
    """Two dashboards, the saved queries, and what gives an end to logs."""

    def __init__(
        self,
        scope: Construct,
        *,
        environment: Environment,
        settings: Pages,
        key: kms.IKey,
        hosted: Sequence[Hosted],
        told: Construct | None,
        rollbacks: Iterable[Construct],
    ) -> None:
        """Build it.

        Args:
            scope: The stage.
            environment: Whose operators look.
            settings: What it says of pages.
            key: Key of logs, which the log service may use.
            hosted: Everything that serves.
            told: Where the alarms are that people are told of; None: there are none.
            rollbacks: Where the alarms are that take an update of an endpoint back.
        """
        super().__init__(scope, "Pages", environment=environment)
        name = environment.name
        self.names = {"training": self.page("training"), "endpoints": self.page("endpoints")}
        alarms = named_alarms(told) if told is not None else []
        about = [one for one in alarms if one.endswith(_OF_ENDPOINTS)]
        others = [one for one in alarms if one not in about]
        about += [alarm for construct in rollbacks for alarm in named_alarms(construct)]
        if environment.trainings:
            Dashboard(
                self, "Training", name=self.names["training"], widgets=self._training(environment, others),
                narrowed=Narrowed(word=NAMED, label="Execution, or another part of a job's name"),
            )  # fmt: skip
        if hosted:
            Dashboard(
                self, "Endpoints", name=self.names["endpoints"], widgets=self._endpoints(environment, hosted, about)
            )
        ours = environment.endpoint_name("")
        served = {one.endpoint.removeprefix(ours): f"/aws/sagemaker/Endpoints/{one.endpoint}" for one in hosted}
        groups: dict[Subject, dict[str, str]] = {"endpoints": served}
        if environment.trainings:
            groups |= _JOB_GROUPS
        SavedQueries(self, "Queries", folder=f"trainyard/{name}", groups=groups)
        LogKeeper(self, "Keeper", prefixes=unmade(environment), days=settings.log_days, key=key)
        self.output("PicturesCommand", f"trainyard dashboards show {self.names['training']}", "Draws a page")

    def page(self, what: str) -> str:
        """Name of one of its dashboards."""
        return f"{self.stack_name.removesuffix('-pages')}-{what}"

    def _training(self, environment: Environment, alarms: Sequence[str]) -> list[Widget]:
        others = [self.names["endpoints"]] if environment.endpoints else []
        if environment.observability is not None:
            others += [environment.cluster_name(one.name) for one in environment.clusters]
        found: list[Widget] = [Words(markdown=" — ".join([f"## Training in {environment.name}", *_links(others)]))]
        found += self._states(alarms)
        for training in environment.trainings:
            found += pipeline_widgets(f"trainyard-{environment.name}-{training.workload}")
        jobs = "### Training jobs of all pipelines, by name: `pipelines-EXECUTION-STEP-…`"
        hosts = "### Their hosts"
        return [*found, Words(markdown=jobs), *job_widgets(), Words(markdown=hosts), *host_widgets()]

    def _endpoints(self, environment: Environment, hosted: Sequence[Hosted], about: Sequence[str]) -> list[Widget]:
        others = [self.names["training"]] if environment.trainings else []
        found: list[Widget] = [Words(markdown=" — ".join([f"## Endpoints of {environment.name}", *_links(others)]))]
        found += self._states(about)
        return [*found, *(widget for one in hosted for widget in endpoint_widgets(one))]

    def _states(self, alarms: Sequence[str]) -> list[Widget]:
        # Names are known at synth: a reference would hold the alarm's stack back for as long as the page stands.
        arn = f"arn:{self.partition}:cloudwatch:{self.region}:{self.account}:alarm:"
        arns = [arn + name for name in sorted(alarms)]
        chunks = [tuple(arns[first : first + MOST_ALARMS]) for first in range(0, len(arns), MOST_ALARMS)]
        return [AlarmStates(title="Alarms", alarms=chunk) for chunk in chunks]


def named_alarms(construct: Construct) -> list[str]:
    """Names of the alarms below a construct that were given one."""
    found = (one.alarm_name for one in construct.node.find_all() if isinstance(one, cloudwatch.CfnAlarm))
    return [name for name in found if name and not cdk.Token.is_unresolved(name)]


def unmade(environment: Environment) -> list[str]:
    """Beginnings of the names of log groups that AWS makes for this environment, in no template."""
    ours = f"trainyard-{environment.name}-"
    found = [f"/aws/sagemaker/{jobs}" for jobs in JOBS] if environment.trainings or environment.endpoints else []
    if environment.endpoints:
        found += [f"/aws/sagemaker/{kind}/{ours}" for kind in ("Endpoints", "InferenceComponents")]
    if environment.clusters:
        found += [f"/aws/sagemaker/Clusters/{ours}", f"/aws/containerinsights/{ours}"]
    return [*found, f"/aws/lambda/{ours}"]


def _links(names: Iterable[str]) -> list[str]:
    """One text of links, or none."""
    links = " · ".join(f"[{name}](#dashboards:name={name})" for name in names)
    return [links] if links else []
