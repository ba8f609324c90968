"""Updates that replace an endpoint batch by batch, with little capacity beside the old one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.serving.hosted import Hosted
from constructs_lib.serving.rollout.alarms import RollbackAlarms
from constructs_lib.serving.rollout.base import LONGEST_WAIT, Rollout, check_bake, check_share
from constructs_lib.serving.rollout.sizes import COPIES, INSTANCES, Size, steps
from ml_contract.errors import reject

_Component = sagemaker.CfnInferenceComponent


class Rolling(Rollout):
    """New instances take traffic in batches, and old ones go. Of an inference component, its copies."""

    alarms: RollbackAlarms
    """What takes the update back."""
    batch: Size
    """Part that is replaced at a time, 5–50 % of the capacity."""
    bake_seconds: int = Field(ge=1, le=LONGEST_WAIT)
    """How long each batch is watched."""
    rollback_batch: Size | None = None
    """Part that is put back at a time; everything at once by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_share("batch", self.batch, 5, 50, None)
        check_bake(self.alarms, self.bake_seconds)
        return self

    def waits(self, instances: int | None, /) -> int | None:
        count = steps(self.batch, instances)
        return None if count is None else count * self.bake_seconds

    def check(self, hosted: Sequence[Hosted]) -> None:
        super().check(hosted)
        variants = sorted({one.variant for one in hosted})
        if len(variants) > 1:
            reject("rollout", ", ".join(variants), "an endpoint of several variants cannot be updated in batches",
                   "Use Canary or Linear.")  # fmt: skip
        for one in hosted:
            check_share("rollout.batch", self.batch, 5, 50, one.instance_count)

    def _batches(self, size: Any, unit: str) -> dict[str, Any]:
        return {
            "maximum_batch_size": size(**self.batch.render(unit)),
            "rollback_maximum_batch_size": size(**self.rollback_batch.render(unit)) if self.rollback_batch else None,
            "wait_interval_in_seconds": self.bake_seconds,
            "maximum_execution_timeout_in_seconds": self.timeout_seconds,
        }

    def policy(self) -> dict[str, Any]:
        table = sagemaker.CfnEndpoint
        batches = self._batches(table.CapacitySizeProperty, INSTANCES)
        return {"rolling_update_policy": table.RollingUpdatePolicyProperty(**batches)}

    def bind_component(
        self, scope: Construct, hosted: Hosted, role: iam.IRole | None = None
    ) -> _Component.InferenceComponentDeploymentConfigProperty:
        """Make the alarms of one inference component and describe how its copies are replaced.

        Its alarms have the names that the endpoint's own rollout would give them: only one of the two has alarms.

        Args:
            scope: Parent of the alarms.
            hosted: The component.
            role: Execution role of the endpoint, which is allowed to read the alarms; None: it is already.

        Raises:
            ContractError: It is no component, or the size does not fit its copies.
        """
        if hosted.kind != "component":
            reject("rollout", hosted.kind, "it is no inference component", "Give it to the endpoint.")
        self.check((hosted,))
        names = self.alarms.bind(scope, (hosted,))
        if role is not None:
            self.alarms.grant_describe(role, (hosted,))
        return _Component.InferenceComponentDeploymentConfigProperty(
            auto_rollback_configuration=_Component.AutoRollbackConfigurationProperty(
                alarms=[_Component.AlarmProperty(alarm_name=name) for name in names]
            ),
            rolling_update_policy=_Component.InferenceComponentRollingUpdatePolicyProperty(
                **self._batches(_Component.InferenceComponentCapacitySizeProperty, COPIES)
            ),
        )
