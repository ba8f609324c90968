"""The embedded SageMaker: its families of operations, behind SageMaker's own service model."""

from trainyard.local.api.service import Context, Service
from trainyard.local.clusters.operations import Clusters
from trainyard.local.clusters.plan_operations import TrainingPlans
from trainyard.local.governance import ComputeQuotas, SchedulerPolicies
from trainyard.local.hosting import Hosting
from trainyard.local.jobs import ProcessingJobs, TrainingJobs
from trainyard.local.pipelines import Pipelines
from trainyard.local.registry import ModelRegistry
from trainyard.local.tags import Tags


def build(context: Context) -> Service:
    """Composes the service.

    Jobs come first: when the cloud starts again, pipelines look at what became of theirs.
    """
    hosting = Hosting(context)
    families = (
        TrainingJobs(context),
        ProcessingJobs(context),
        ModelRegistry(context),
        hosting,
        hosting.components,
        Pipelines(context),
        Clusters(context),
        TrainingPlans(context),
        SchedulerPolicies(context),
        ComputeQuotas(context),
        Tags(context),
    )
    return Service("sagemaker", *families)
