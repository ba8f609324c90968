"""Where a model's data lies, and how SageMaker brings it into the container.

Source: ContainerDefinition, ModelDataUrl and ModelDataSource, SageMaker API reference, read 2026-11-21.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Self

from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from pydantic import Field, model_validator

from constructs_lib.training.location import Location
from constructs_lib.values import Value
from ml_contract.errors import reject


class ModelData(Value):
    """Data of a model in S3, which SageMaker puts into /opt/ml/model."""

    compressed: ClassVar[bool]
    """Whether it is one archive, which alone serverless variants and inference components take."""

    location: Location
    """The prefix, to which the grant is limited."""

    @model_validator(mode="after")
    def _check_path(self) -> Self:
        if self.location.path:
            reject("location", self.location.path, "what a pipeline makes has no address when an endpoint is built",
                   "Give a Location without a path.")  # fmt: skip
        return self

    @property
    @abstractmethod
    def uri(self) -> str:
        """Address in S3."""

    @abstractmethod
    def render(self) -> dict[str, Any]:
        """Properties of a container."""

    def grant_read(self, role: iam.IRole) -> None:
        """Let ``role`` read it."""
        self.location.grant_read(role)


class Archive(ModelData):
    """One tar.gz, unpacked before the container starts."""

    compressed = True

    file: str = Field(pattern=r"^[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*\.tar\.gz$")
    """Path of the archive below the prefix, for example ``model.tar.gz``."""

    @property
    def uri(self) -> str:
        return f"{self.location.uri}/{self.file}"

    def render(self) -> dict[str, Any]:
        return {"model_data_url": self.uri}


class Uncompressed(ModelData):
    """Every object below the prefix, as it is: saves minutes of packing and unpacking with large models."""

    compressed = False

    @property
    def uri(self) -> str:
        # Without the slash, objects of another prefix that begins alike would be fetched too.
        return f"{self.location.uri}/"

    def render(self) -> dict[str, Any]:
        source = sagemaker.CfnModel.S3DataSourceProperty(
            s3_uri=self.uri, s3_data_type="S3Prefix", compression_type="None"
        )
        return {"model_data_source": sagemaker.CfnModel.ModelDataSourceProperty(s3_data_source=source)}
