"""Alarms of endpoints: what takes an update back is what people are told of, at limits of its own."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct
from pydantic import Field

from constructs_lib.operation.telling import Telling
from constructs_lib.serving.hosted import Hosted
from constructs_lib.serving.rollout import GpuMemory, ServerErrorRate, SlowAnswers
from constructs_lib.serving.rollout.watches import Watch
from constructs_lib.values import Value
from ml_contract.errors import reject
from ml_contract.instances import instance
from ml_contract.symptoms import ENDPOINT_ERRORS, ENDPOINT_LATENCY, ENDPOINT_MEMORY, Symptom


class EndpointAlarms(Value):
    """What is promised of endpoints."""

    endpoints: tuple[str, ...] = Field(min_length=1)
    """Which ones, by their names within the environment."""
    errors: ServerErrorRate
    """Share of answers that may be errors."""
    slow: SlowAnswers
    """Time that the slowest answers may take in the model."""
    memory: GpuMemory | None
    """Use of the GPUs' memory; None for endpoints without GPUs."""

    def bind(self, scope: Construct, subject: str, hosted: Hosted, telling: Telling) -> None:
        """Make the alarms of a variant or a component.

        Args:
            scope: Parent.
            subject: What it is called in the names of the alarms.
            hosted: What is watched.
            telling: Who is told.

        Raises:
            ContractError: There are GPUs whose memory nobody watches, or none to watch.
        """
        if has_gpu(hosted) != (self.memory is not None):
            reject("operation.endpoints.memory", self.memory,
                   f"{subject} runs on {hosted.instance_type or 'serverless'}, whose GPUs' memory "
                   f"{'is to be watched' if has_gpu(hosted) else 'is none'}",
                   "Give GpuMemory(percent=…) to endpoints with GPUs, and None to others.")  # fmt: skip
        self._alarm(scope, ENDPOINT_ERRORS, subject, self.errors, hosted, telling)
        self._alarm(scope, ENDPOINT_LATENCY, subject, self.slow, hosted, telling)
        if self.memory is not None:
            self._alarm(scope, ENDPOINT_MEMORY, subject, self.memory, hosted, telling)

    @staticmethod
    def _alarm(
        scope: Construct, symptom: Symptom, subject: str, watch: Watch, hosted: Hosted, telling: Telling
    ) -> cloudwatch.CfnAlarm:
        told = telling.actions(symptom)
        made = watch.bind(Construct(scope, f"{subject}-{symptom.name}"), hosted, told)
        made.alarm_name = symptom.alarm(telling.environment, subject)
        made.alarm_description = telling.description(symptom)
        made.ok_actions = told
        return made


def has_gpu(hosted: Hosted) -> bool:
    """Whether GPUs are behind it, whose memory is measured."""
    device = instance(hosted.instance_type).device if hosted.instance_type else None
    return device is not None and device.runs_on == "cuda"
