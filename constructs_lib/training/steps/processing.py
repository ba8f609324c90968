"""A processing job as a step."""

from __future__ import annotations

from dataclasses import is_dataclass
from typing import Any, Self

from pydantic import Field, model_validator

from constructs_lib.training.binding import Binding
from constructs_lib.training.code import Program
from constructs_lib.training.environment import check_environment
from constructs_lib.training.expressions import Expression, Get, JsonGet
from constructs_lib.training.image import ContainerImage
from constructs_lib.training.location import Location, Source, StepOutput
from constructs_lib.training.resources import ProcessingResources
from constructs_lib.training.retry import RetryPolicy, check_disjoint
from constructs_lib.training.steps.base import Step
from constructs_lib.values import Value
from ml_contract.entrypoint import CODE, PROCESSING_INPUT, entrypoint
from ml_contract.errors import reject
from ml_contract.options import to_variables
from ml_contract.paths import ContainerPaths

_PATHS = ContainerPaths()


class Input(Value):
    """Data that the container finds in /opt/ml/processing/input/<name>."""

    name: str = Field(pattern=r"^[A-Za-z0-9-]{1,63}$")
    """Name of the folder."""
    source: Source
    """Where the data lies."""


class Output(Value):
    """What the container writes to /opt/ml/processing/output/<name>."""

    name: str = Field(pattern=r"^[A-Za-z0-9-]{1,63}$")
    """Name of the folder."""
    location: Location
    """Where it goes when the job ends."""


class PropertyFile(Value):
    """A JSON file of an output that conditions may read."""

    name: str = Field(pattern=r"^[A-Za-z0-9]{1,63}$")
    """Name inside the step."""
    output: str
    """Name of the output that holds the file."""
    path: str
    """Path of the file inside the output."""


class ProcessingStep(Step):
    """Runs a processing job on one host.

    Limits: CreateProcessingJob, API reference, read 2026-11-21.
    """

    image: ContainerImage
    """Container image."""
    program: Program
    """What runs as the container's first process."""
    resources: ProcessingResources
    """The host."""
    inputs: tuple[Input, ...] = Field(default=(), max_length=9)
    """Input data; none by default. One more input, ``code``, is the program's own."""
    outputs: tuple[Output, ...] = Field(min_length=1, max_length=10)
    """What is kept."""
    property_files: tuple[PropertyFile, ...] = ()
    """Files for conditions; none by default."""
    options: object = None
    """A dataclass that the program decodes; no options by default."""
    retries: tuple[RetryPolicy, ...] = ()
    """When the job is started anew; never by default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [item.name for item in self.inputs]
        if len({*names, CODE}) <= len(names):
            reject("inputs", names, f"names differ, and {CODE!r} is the program's own", "Rename an input.")
        outputs = [item.name for item in self.outputs]
        for file in self.property_files:
            if file.output not in outputs:
                reject(f"property_files.{file.name}.output", file.output, "the step has no output of that name",
                       f"Its outputs are {', '.join(outputs)}.")  # fmt: skip
        if self.options is not None and not is_dataclass(self.options):
            reject("options", self.options, "it must be a dataclass", "Build one, such as PrepareOptions(…).")
        check_environment({**self._environment()})
        check_disjoint(self.retries)
        return self

    def output(self, name: str) -> StepOutput:
        """An output, for a step that reads it.

        Raises:
            ContractError: The step has no such output.
        """
        for output in self.outputs:
            if output.name == name:
                path = f"Steps.{self.name}.ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri"
                return StepOutput(get=Get(path=path), location=output.location)
        reject("output", name, f"the step {self.name} has no output of that name",
               f"Its outputs are {', '.join(output.name for output in self.outputs)}.")  # fmt: skip

    def figure(self, property_file: str, path: str) -> Expression:
        """A figure from a property file, for a condition.

        Raises:
            ContractError: The step has no such property file.
        """
        if property_file not in [file.name for file in self.property_files]:
            reject("property_file", property_file, f"the step {self.name} declares no such file",
                   "Add it to the step's property_files.")  # fmt: skip
        return JsonGet(step=self.name, property_file=property_file, path=path)

    def _environment(self) -> dict[str, str]:
        if self.options is None:
            return {}
        return to_variables(self.options)

    def bind(self, binding: Binding, /) -> dict[str, Any]:
        role = binding.role
        self.image.grant_pull(role)
        self.program.code.grant_read(role)
        for item in self.inputs:
            item.source.grant_read(role)
        for output in self.outputs:
            output.location.grant_read_write(role)
            if output.name in [file.output for file in self.property_files]:
                output.location.grant_read(binding.pipeline_role)
        key = self.outputs[0].location.bucket.encryption_key
        arguments = {
            **self.resources.render(binding.key.key_arn),
            "AppSpecification": {
                "ImageUri": self.image.uri(binding.scope),
                "ContainerEntrypoint": entrypoint(self.program.module, archive_folder=PROCESSING_INPUT),
            },
            "RoleArn": role.role_arn,
            "ProcessingInputs": [
                _input(CODE, self.program.code.uri),
                *(_input(item.name, item.source.uri) for item in self.inputs),
            ],
            "ProcessingOutputConfig": {
                "Outputs": [_output(item) for item in self.outputs],
                **({"KmsKeyId": key.key_arn} if key else {}),
            },
            "Environment": self._environment(),
            "NetworkConfig": {"EnableNetworkIsolation": False, "VpcConfig": binding.vpc()},
        }
        files = [
            {"PropertyFileName": file.name, "OutputName": file.output, "FilePath": file.path}
            for file in self.property_files
        ]
        return self.entry("Processing", arguments, PropertyFiles=files,
                          RetryPolicies=[policy.render() for policy in self.retries])  # fmt: skip


def _input(name: str, uri: str | Expression) -> dict[str, Any]:
    source = {"S3Uri": uri, "LocalPath": str(_PATHS.processing_input(name)), "S3DataType": "S3Prefix",
              "S3InputMode": "File", "S3DataDistributionType": "FullyReplicated"}  # fmt: skip
    return {"InputName": name, "S3Input": source}


def _output(output: Output) -> dict[str, Any]:
    target = {"S3Uri": output.location.uri, "LocalPath": str(_PATHS.processing_output(output.name)),
              "S3UploadMode": "EndOfJob"}  # fmt: skip
    return {"OutputName": output.name, "S3Output": target}
