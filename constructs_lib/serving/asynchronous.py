"""Requests that wait in a queue, read from and answered into S3.

Sources, read 2026-11-21: AsyncInferenceConfig and what it holds, SageMaker API reference; "Asynchronous inference",
SageMaker AI Developer Guide.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns
from constructs import Construct
from pydantic import Field, SkipValidation, model_validator

from constructs_lib.serving.binding import Binding
from constructs_lib.training.location import Location
from constructs_lib.values import Value
from ml_contract.errors import reject

_Config = sagemaker.CfnEndpointConfig
Topic = Annotated[sns.ITopic | None, SkipValidation]


class Asynchronous(Value):
    """Where requests and answers lie, and who is told. The instances may scale to zero while nobody asks."""

    inputs: Location
    """Where callers put requests, which the endpoint reads."""
    outputs: Location
    """Where answers are written; the bucket's key encrypts them."""
    failures: Location | None = None
    """Where it is written why a request failed; with the answers by default."""
    succeeded: Topic = None
    """Topic that is told of every answer; nobody by default. Its key must be known, so that the endpoint may use it."""
    failed: Topic = None
    """Topic that is told of every failure; nobody by default."""
    include_response: tuple[Literal["SUCCESS_NOTIFICATION_TOPIC", "ERROR_NOTIFICATION_TOPIC"], ...] = ()
    """Topics whose messages hold the answer itself, up to 128 KB; none by default."""
    concurrent_invocations: int | None = Field(default=None, ge=1, le=1000)
    """Requests that one instance works on at once; SageMaker's choice by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("inputs", "outputs", "failures"):
            location = getattr(self, name)
            if location is not None and location.path:
                reject(name, location.path, "what a pipeline makes has no address when an endpoint is built",
                       "Give a Location without a path.")  # fmt: skip
        if self.inputs.bucket is self.outputs.bucket and self.inputs.prefix == self.outputs.prefix:
            reject("outputs", self.outputs.prefix, "answers would lie among the requests", "Give another prefix.")
        for kind, topic, name in (("SUCCESS_NOTIFICATION_TOPIC", self.succeeded, "succeeded"),
                                  ("ERROR_NOTIFICATION_TOPIC", self.failed, "failed")):  # fmt: skip
            if kind in self.include_response and topic is None:
                reject("include_response", kind, f"there is no topic {name}", f"Give {name}=…, or leave it out.")
        return self

    def bind(self, binding: Binding) -> _Config.AsyncInferenceConfigProperty:
        """Let the endpoint read, write and tell, and describe it."""
        self.inputs.grant_read(binding.role)
        for location in (self.outputs, self.failures):
            if location is not None:
                location.grant_write(binding.role)
        for topic in (self.succeeded, self.failed):
            if topic is not None:
                _let_publish(binding.role, topic)
        key = self.outputs.bucket.encryption_key
        client = _Config.AsyncInferenceClientConfigProperty(
            max_concurrent_invocations_per_instance=self.concurrent_invocations
        )
        return _Config.AsyncInferenceConfigProperty(
            output_config=_Config.AsyncInferenceOutputConfigProperty(
                kms_key_id=key.key_arn if key else None,
                s3_output_path=str(self.outputs.uri),
                s3_failure_path=str(self.failures.uri) if self.failures else None,
                notification_config=self._notification(),
            ),
            client_config=client if self.concurrent_invocations else None,
        )

    def _notification(self) -> _Config.AsyncInferenceNotificationConfigProperty | None:
        if self.succeeded is None and self.failed is None:
            return None
        return _Config.AsyncInferenceNotificationConfigProperty(
            success_topic=self.succeeded.topic_arn if self.succeeded else None,
            error_topic=self.failed.topic_arn if self.failed else None,
            include_inference_response_in=list(self.include_response) or None,
        )


def _let_publish(role: iam.Role, topic: sns.ITopic) -> None:
    """As ``grant_publish``, but without its ``kms:GenerateDataKey*``."""
    role.add_to_principal_policy(iam.PolicyStatement(actions=["sns:Publish"], resources=[topic.topic_arn]))
    if topic.master_key is not None:
        topic.master_key.grant(role, "kms:Decrypt", "kms:GenerateDataKey")


class ResultTopics(Construct):
    """A topic for answers and one for failures, encrypted with one key, which take messages over TLS only."""

    succeeded: sns.Topic
    failed: sns.Topic

    def __init__(self, scope: Construct, construct_id: str, *, key: kms.IKey) -> None:
        """Make the topics.

        Args:
            scope: Parent.
            construct_id: Construct id.
            key: Key of the messages.
        """
        super().__init__(scope, construct_id)
        self.succeeded = sns.Topic(self, "Succeeded", master_key=key, enforce_ssl=True)
        self.failed = sns.Topic(self, "Failed", master_key=key, enforce_ssl=True)
