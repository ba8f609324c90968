"""What people need who train outside the pipelines: role, policy, and the parameters by which they find everything."""

from __future__ import annotations

from constructs import Construct

from constructs_lib.network import Network
from constructs_lib.published import PublishedParameters
from constructs_lib.storage import Storage
from constructs_lib.training import strategy
from constructs_lib.training.adhoc import AdHocRuns
from ml_contract.published import Published, PublishedWorkload, path
from stacks.base import EnvironmentStack
from stacks.environment import Environment


class AdHocStack(EnvironmentStack):
    """Publishes the environment to data scientists."""

    def __init__(
        self, scope: Construct, construct_id: str, *, environment: Environment, network: Network, storage: Storage
    ) -> None:
        super().__init__(scope, construct_id, environment=environment)
        bound = {
            training.workload: strategy.bind(training.run, training.resources, training.image)
            for training in environment.trainings
        }
        job_prefix = f"adhoc-{environment.name}-"
        runs = AdHocRuns(
            self,
            "Runs",
            job_prefix=job_prefix,
            network=network,
            storage=storage,
            images=[found.image for found in bound.values()],
            instance_types=[name for training in environment.trainings for name in training.resources.types],
        )
        published = Published(
            role_arn=runs.jobs.role_arn,
            job_prefix=job_prefix,
            subnet_ids=tuple(subnet.subnet_id for subnet in network.subnets),
            security_group_ids=(network.nodes.security_group_id,),
            key_arn=storage.key.key_arn,
            datasets_uri=str(runs.datasets.uri),
            shared_uri=str(runs.shared.uri),
            data_uri=str(runs.data.uri),
            checkpoints_uri=str(runs.checkpoints.uri),
            artifacts_uri=str(runs.artifacts.uri),
            workloads={
                training.workload: PublishedWorkload(
                    image_uri=bound[training.workload].image.uri(self),
                    instance_type=training.resources.types[0],
                    volume_gib=training.resources.volume_gib,
                )
                for training in environment.trainings
            },
        )
        parameters = PublishedParameters(self, "Parameters", path=path(environment.name), values=published.parameters())
        parameters.grant_read(runs.users)
        self.output("ParameterPath", parameters.path, "Where everything is that a run needs")
        self.output("UserPolicyArn", runs.users.managed_policy_arn, "Policy for whoever starts runs")
