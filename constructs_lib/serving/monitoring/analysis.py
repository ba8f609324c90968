"""What Clarify computes, as the ``analysis_config.json`` that it reads.

Sources, read 2026-11-21: "Analysis Configuration Files" and "Schema for constraints", SageMaker Developer Guide;
``sagemaker.core.clarify`` of the SageMaker Python SDK 3.27.
"""

from __future__ import annotations

from typing import Any, Literal, Self

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import custom_resources as resources
from constructs import Construct
from pydantic import Field, model_validator

from constructs_lib.training.location import Location
from constructs_lib.values import Value
from ml_contract.checks import matches
from ml_contract.errors import reject
from ml_contract.instances import instance

FILE = "analysis_config.json"
ContentType = Literal["text/csv", "application/jsonlines", "application/json"]


class Facet(Value):
    """A feature by which people are told apart."""

    name: str = Field(min_length=1)
    """Name of the column."""
    values: tuple[int | float | str, ...] = ()
    """The group that may be treated worse: values, or one threshold above which it begins; each value by default."""

    def render(self) -> dict[str, Any]:
        """As the analysis has it."""
        values = {"value_or_threshold": list(self.values)} if self.values else {}
        return {"name_or_index": self.name, **values}


class Predictor(Value):
    """A model that Clarify asks on an endpoint of its own, which it starts for a run and deletes.

    Asking the endpoint that is watched would be captured, and watched in turn.
    """

    model_name: str
    """Name of a model in SageMaker, or a reference to one of the same stack."""
    instance_type: str
    """Type of the endpoint's instances."""
    instance_count: int = Field(default=1, ge=1, le=100)
    """Number of the endpoint's instances; one by default."""
    content_type: ContentType
    """Form of its requests."""
    accept_type: ContentType
    """Form of its answers."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        instance(self.instance_type)
        if not cdk.Token.is_unresolved(self.model_name):
            matches("model_name", self.model_name, r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
        return self

    def render(self, endpoint_prefix: str) -> dict[str, Any]:
        """As the analysis has it, with what the endpoint's name begins with."""
        return {
            "model_name": self.model_name, "instance_type": self.instance_type,
            "initial_instance_count": self.instance_count, "content_type": self.content_type,
            "accept_type": self.accept_type, "endpoint_name_prefix": endpoint_prefix,
        }  # fmt: skip


class BiasAnalysis(Value):
    """How differently groups are treated."""

    headers: tuple[str, ...] = Field(min_length=2)
    """Names of the columns, the label among them."""
    label: str
    """Column of the true answer."""
    positive: tuple[int | float | str, ...] = Field(min_length=1)
    """Values of the label that are the good outcome, or one threshold above which it begins."""
    facets: tuple[Facet, ...] = Field(min_length=1)
    """What groups are told apart by."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in (self.label, *(facet.name for facet in self.facets)):
            if name not in self.headers:
                reject("headers", name, f"the columns are {', '.join(self.headers)}", "Name one of these.")
        return self

    def render(self, _endpoint_prefix: str) -> dict[str, Any]:
        """The document."""
        return {
            "headers": list(self.headers),
            "label": self.label,
            "label_values_or_threshold": list(self.positive),
            "facet": [facet.render() for facet in self.facets],
        }


class ShapAnalysis(Value):
    """How much each feature contributes to answers, by Kernel SHAP."""

    headers: tuple[str, ...] = Field(min_length=1)
    """Names of the features."""
    predictor: Predictor
    """The model that is asked."""
    baseline: tuple[tuple[int | float | str, ...], ...] = Field(min_length=1)
    """Rows of features that stand for *nothing in particular*, for example one row of means."""
    samples: int = Field(ge=1, le=100_000)
    """Combinations of features that are asked for each row: more are better and dearer."""
    aggregate: Literal["mean_abs", "mean_sq", "median"] = "mean_abs"
    """How contributions of rows become one figure; the mean of their sizes by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for row in self.baseline:
            if len(row) != len(self.headers):
                reject("baseline", len(row), f"a row has a value for each of the {len(self.headers)} features",
                       "Give rows of that length, without the label.")  # fmt: skip
        return self

    def render(self, endpoint_prefix: str) -> dict[str, Any]:
        """The document."""
        shap = {"baseline": [list(row) for row in self.baseline], "num_samples": self.samples,
                "agg_method": self.aggregate}  # fmt: skip
        return {
            "headers": list(self.headers),
            "methods": {"shap": shap},
            "predictor": self.predictor.render(endpoint_prefix),
        }


class AnalysisFile(Construct):
    """An analysis in S3, under the one name that Clarify looks for: the name of an asset is its hash."""

    uri: str
    """Address of the file."""

    def __init__(self, scope: Construct, construct_id: str, *, document: dict[str, Any], place: Location) -> None:
        """Write the file when the stack is deployed.

        Args:
            scope: Parent.
            construct_id: Construct id.
            document: The analysis; it may hold references.
            place: Below which it goes.
        """
        super().__init__(scope, construct_id)
        body = cdk.Stack.of(self).to_json_string(document)
        path = f"{place.prefix}/{self.node.addr[:8]}/{FILE}"
        self.uri = f"s3://{place.bucket.bucket_name}/{path}"
        target = {"Bucket": place.bucket.bucket_name, "Key": path}
        resources.AwsCustomResource(
            self,
            "Put",
            resource_type="Custom::AnalysisFile",
            install_latest_aws_sdk=False,
            on_update=resources.AwsSdkCall(
                service="S3",
                action="putObject",
                parameters={**target, "Body": body, "ContentType": "application/json"},
                physical_resource_id=resources.PhysicalResourceId.of(path),
                # The answer holds nothing that anybody reads, and must stay below 4 KiB.
                output_paths=[],
            ),
            on_delete=resources.AwsSdkCall(service="S3", action="deleteObject", parameters=target),
            policy=resources.AwsCustomResourcePolicy.from_statements(_write(place, path)),
        )


def _write(place: Location, path: str) -> list[iam.PolicyStatement]:
    """What writing and deleting one object needs."""
    objects = iam.PolicyStatement(
        actions=["s3:PutObject", "s3:DeleteObject"], resources=[place.bucket.arn_for_objects(path)]
    )
    key = place.bucket.encryption_key
    if key is None:
        return [objects]
    return [
        objects,
        iam.PolicyStatement(actions=["kms:GenerateDataKey", "kms:Decrypt"], resources=[key.key_arn]),
    ]
