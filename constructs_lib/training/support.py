"""Switches of a training job, what each of them asks of the job's role, and what a reader of the synthesis should know.

Sources, read 2026-11-21: CreateTrainingJob, API reference; "Access a training container through AWS Systems Manager for
remote debugging"; "Attribute-based access control (ABAC) for multi-tenancy training"; "Connect to an MLflow tracking
server through an interface VPC endpoint", SageMaker Developer Guide.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from constructs_lib.network import MANAGED_MLFLOW, REMOTE_DEBUGGING
from constructs_lib.network.purposes import endpoints_of
from constructs_lib.training.binding import Binding
from constructs_lib.training.job import TrainingJob
from ml_contract.sizing.interval import check_interval
from ml_contract.training.run import TrainingRun

_SSM_CALLS = ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")


def fields(job: TrainingJob, role: iam.IRole) -> dict[str, Any]:
    """Grant ``role`` what the job's switches need; those fields of the request that do not stand at their default."""
    found: dict[str, Any] = {}
    if job.encrypt_traffic:
        found["EnableInterContainerTrafficEncryption"] = True
    if job.retry_attempts:
        found["RetryStrategy"] = {"MaximumRetryAttempts": job.retry_attempts}
    if job.health_check:
        found["InfraCheckConfig"] = {"EnableInfraCheck": True}
    if job.remote_debugging:
        found["RemoteDebugConfig"] = {"EnableRemoteDebug": True}
        # The agent's channels know no resource.
        role.add_to_principal_policy(
            iam.PolicyStatement(actions=[f"ssmmessages:{call}" for call in _SSM_CALLS], resources=["*"])
        )
    if job.session_tags:
        found["SessionChainingConfig"] = {"EnableSessionTagChaining": True}
        _trust_session_tags(role)
    return found


def _trust_session_tags(role: iam.IRole) -> None:
    if isinstance(role, iam.Role) and role.assume_role_policy:
        role.assume_role_policy.add_statements(
            iam.PolicyStatement(
                actions=["sts:TagSession"],
                principals=[iam.ServicePrincipal("sagemaker.amazonaws.com")],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(role).account}},
            )
        )


def warn(name: str, job: TrainingJob, binding: Binding) -> None:
    """Annotate the pipeline with what may surprise whoever runs the step of that name."""
    for kind, text in _warnings(job, binding):
        cdk.Annotations.of(binding.scope).add_warning_v2(f"trainyard:{kind}:{name}", f"{name}: {text}")


def _warnings(job: TrainingJob, binding: Binding) -> Iterator[tuple[str, str]]:
    for number, note in enumerate(job.bound.notes, 1):
        yield f"run-{number}", note
    if isinstance(job.hyperparameters, TrainingRun) and job.checkpoint:
        broken = (check_interval(job.hyperparameters, world) for world in job.resources.worlds())
        for text in dict.fromkeys(filter(None, broken)):
            yield "promise", f"hyperparameters.{text}"
    if job.resources.mixes_storage:
        text = f"resources: got {', '.join(job.resources.types)}, but no volume key can be named where a type has"
        yield "volume-key", f"{text} local storage. Volumes of the others have SageMaker's own key."
    reached = set(endpoints_of(binding.network.purposes))
    if job.remote_debugging and binding.network.closed and not set(REMOTE_DEBUGGING.endpoints) <= reached:
        text = "remote_debugging: got True, but the network is closed. Add REMOTE_DEBUGGING to its purposes:"
        yield "ssm-endpoint", f"{text} the interface endpoint ssmmessages."
    if job.mlflow and binding.network.closed and not set(MANAGED_MLFLOW.endpoints) <= reached:
        text = "mlflow: got an MLflow of SageMaker's, but the network is closed. Add MANAGED_MLFLOW to its purposes:"
        region = cdk.Stack.of(binding.scope).region
        yield "mlflow-endpoint", f"{text} the interface endpoint aws.sagemaker.{region}.experiments."
