"""What was deployed, as a client of AWS sees it: templates, the pipeline's definition, executions, single jobs."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from trainyard.local.cloud import ROOT, Cloud

TRAINING = "trainyard-local-training-bytes-lm"
SERVING = "trainyard-local-serving-bytes-lm"
STORAGE = "trainyard-local-storage"
FINAL = ("Succeeded", "Failed", "Stopped", "Completed")
SMALL_MODEL = {
    "workload": {"dimension": 32, "layers": 1, "heads": 2, "sequence_length": 64},
    "optimizer": {"learning_rate": 0.02},
    "schedule": {"warmup_steps": 2},
    "checkpointing": {"every_steps": 10},
}
"""What changes inside the hyperparameters that are objects."""
STEPS = 60
RECLAIMED_STEPS = 80
"""Of the execution that loses its hosts after a few: those that are done until it hears of it are not the last."""
Edit = Callable[[dict[str, Any]], object]


def eventually(look: Callable[[], Any], seconds: float = 240.0) -> Any:
    """The first true value that `look` gives."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.3)
    raise AssertionError(f"it did not happen within {seconds:.0f} s")


def step(definition: dict[str, Any], name: str) -> dict[str, Any]:
    """A step of a definition, wherever it stands."""

    def within(steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for each in steps:
            yield each
            yield from within(each["Arguments"].get("IfSteps", []))
            yield from within(each["Arguments"].get("ElseSteps", []))

    return next(each for each in within(definition["Steps"]) if each["Name"] == name)


def statements(template: dict[str, Any], policy: str) -> list[dict[str, Any]]:
    """Statements of the one policy whose logical id starts so."""
    (entry,) = (entry for name, entry in template["Resources"].items() if name.startswith(policy + "DefaultPolicy"))
    return entry["Properties"]["PolicyDocument"]["Statement"]


def change(hyperparameters: dict[str, Any], name: str, changes: dict[str, Any]) -> None:
    """Fields inside a hyperparameter that is an object."""
    before = json.loads(hyperparameters[name])
    assert set(changes) <= set(before)
    hyperparameters[name] = json.dumps(before | changes)


def shrink(definition: dict[str, Any]) -> None:
    """The same pipeline with a model, a corpus and an evaluation that take seconds."""
    hyperparameters = step(definition, "Train")["Arguments"]["HyperParameters"]
    hyperparameters["global_batch_size"] = "8"
    for name, changes in SMALL_MODEL.items():
        change(hyperparameters, name, changes)
    for name, limits in {"Prepare": {"maximum_bytes": 2**18}, "Evaluate": {"maximum_bytes": 2**14}}.items():
        environment = step(definition, name)["Arguments"]["Environment"]
        environment["TRAINYARD_OPTIONS"] = json.dumps(json.loads(environment["TRAINYARD_OPTIONS"]) | limits)
    for parameter in definition["Parameters"]:
        parameter["DefaultValue"] = {"TrainingSteps": STEPS, "Threshold": 8}.get(
            parameter["Name"], parameter["DefaultValue"]
        )


def in_definition(edit: Edit) -> Edit:
    """Edits the pipeline's definition inside the template of its stack; references stay references."""

    def edit_template(template: dict[str, Any]) -> None:
        (pipeline,) = (e for e in template["Resources"].values() if e["Type"] == "AWS::SageMaker::Pipeline")
        holder = pipeline["Properties"]["PipelineDefinition"]
        _, parts = holder["PipelineDefinitionBody"]["Fn::Join"]
        references = [part for part in parts if not isinstance(part, str)]
        numbers = iter(range(len(references)))
        text = "".join(part if isinstance(part, str) else f"@@{next(numbers)}@@" for part in parts)
        definition = json.loads(text)
        edit(definition)
        pieces = re.split(r"@@(\d+)@@", json.dumps(definition))
        joined = [piece if index % 2 == 0 else references[int(piece)] for index, piece in enumerate(pieces)]
        holder["PipelineDefinitionBody"] = {"Fn::Join": ["", joined]}

    return edit_template


@dataclass
class Deployment:
    """The environment `local`, deployed with the real CDK CLI on a cloud of its own."""

    cloud: Cloud
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A boto3 client of the cloud's administrator."""
        if service not in self._clients:
            settings = self.cloud.environment()
            self._clients[service] = boto3.session.Session().client(
                service,
                endpoint_url=settings["AWS_ENDPOINT_URL"],
                region_name=settings["AWS_REGION"],
                aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
                config=Config(retries={"total_max_attempts": 2}, s3={"addressing_style": "path"}),
            )
        return self._clients[service]

    def output(self, stack: str, name: str) -> str:
        """An output of a stack."""
        (found,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return next(entry["OutputValue"] for entry in found["Outputs"] if entry["OutputKey"] == name)

    @property
    def pipeline(self) -> str:
        return self.output(TRAINING, "PipelineName")

    def template(self, stack: str = TRAINING) -> dict[str, Any]:
        body = self.client("cloudformation").get_template(StackName=stack)["TemplateBody"]
        return json.loads(body if isinstance(body, str) else json.dumps(body))

    def update(self, template: dict[str, Any], stack: str = TRAINING, **parameters: str) -> None:
        """UpdateStack, and wait until it is done.

        Raises:
            botocore.exceptions.WaiterError: The update was rolled back.
        """
        client = self.client("cloudformation")
        client.update_stack(
            StackName=stack,
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        client.get_waiter("stack_update_complete").wait(
            StackName=stack, WaiterConfig={"Delay": 0.1, "MaxAttempts": 1500}
        )

    @contextmanager
    def broken(self, edit: Edit) -> Iterator[None]:
        """The training stack with one thing broken, and whole again afterwards."""
        whole = self.template()
        template = self.template()
        edit(template)
        assert template != whole, "nothing was broken"
        self.update(template)
        try:
            yield
        finally:
            self.update(whole)

    @contextmanager
    def without_instances(self, step_name: str) -> Iterator[None]:
        """The jobs of a processing step wait for instances, and so its execution is at that step, until it is left."""
        cluster = step(self.definition(), step_name)["Arguments"]["ProcessingResources"]["ClusterConfig"]
        shortage = self.cloud.call(
            "InjectFault", Kind="CapacityShortage", InstanceType=cluster["InstanceType"], DelaySeconds=3600.0
        )
        try:
            yield
        finally:
            self.cloud.call("ClearFaults", FaultId=shortage["FaultId"])

    def definition(self) -> dict[str, Any]:
        """The definition as it is deployed."""
        return json.loads(self.client("sagemaker").describe_pipeline(PipelineName=self.pipeline)["PipelineDefinition"])

    def start(self, pipeline: str | None = None, **parameters: str) -> str:
        given = [{"Name": name, "Value": value} for name, value in parameters.items()]
        started = self.client("sagemaker").start_pipeline_execution(
            PipelineName=pipeline or self.pipeline, PipelineParameters=given
        )
        return str(started["PipelineExecutionArn"])

    def execution(self, arn: str) -> dict[str, Any]:
        return self.client("sagemaker").describe_pipeline_execution(PipelineExecutionArn=arn)

    def ended(self, arn: str, seconds: float = 240.0) -> dict[str, Any]:
        """An execution once it has ended."""
        look = lambda: self.execution(arn)  # noqa: E731
        return eventually(lambda: (found := look())["PipelineExecutionStatus"] in FINAL and found, seconds)

    def steps(self, arn: str) -> dict[str, dict[str, Any]]:
        """Steps of an execution by name."""
        found = self.client("sagemaker").list_pipeline_execution_steps(PipelineExecutionArn=arn)
        return {entry["StepName"]: entry for entry in found["PipelineExecutionSteps"]}

    def arguments(self, name: str, *, execution: str, dataset: str = "", **parameters: str) -> dict[str, Any]:
        """Arguments of a deployed step with the expressions resolved, as its execution would send them."""
        definition = self.definition()
        values = {f"Parameters.{entry['Name']}": str(entry["DefaultValue"]) for entry in definition["Parameters"]}
        values |= {f"Parameters.{key}": value for key, value in parameters.items()}
        values["Execution.PipelineExecutionId"] = execution
        values["Steps.Prepare.ProcessingOutputConfig.Outputs['dataset'].S3Output.S3Uri"] = dataset

        def resolve(value: Any) -> Any:
            match value:
                case {"Get": name}:
                    return values[name]
                case {"Std:Join": {"On": separator, "Values": parts}}:
                    return separator.join(map(resolve, parts))
                case dict():
                    return {key: resolve(entry) for key, entry in value.items()}
                case list():
                    return [resolve(entry) for entry in value]
            return value

        return dict(resolve(step(definition, name)["Arguments"]))

    def create_job(self, kind: str, arguments: dict[str, Any]) -> str:
        """CreateTrainingJob or CreateProcessingJob; `kind` is Training or Processing."""
        name = f"e2e-{uuid.uuid4().hex[:8]}"
        create = getattr(self.client("sagemaker"), f"create_{kind.lower()}_job")
        create(**{f"{kind}JobName": name}, **arguments)
        return name

    def job(self, kind: str, name: str, seconds: float = 240.0) -> dict[str, Any]:
        """A job once it has ended."""
        describe = getattr(self.client("sagemaker"), f"describe_{kind.lower()}_job")

        def look() -> dict[str, Any] | None:
            found = describe(**{f"{kind}JobName": name})
            return found if found[f"{kind}JobStatus"] in FINAL else None

        return eventually(look, seconds)

    def command(self, *arguments: str | Path) -> list[str]:
        """`trainyard --local …` of this cloud, as arguments of a process."""
        where = ["--port", str(self.cloud.port), "--state", str(self.cloud.state)]
        return [str(Path(sys.executable).parent / "trainyard"), "--local", *where, *map(str, arguments)]

    def begin(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """`trainyard --local …`, which Ctrl-C ends."""
        return subprocess.Popen(
            self.command(*arguments), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            # What a shell runs in the background, perhaps this suite, ignores it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip

    def run(self, *arguments: str | Path, timeout: float = 240.0) -> subprocess.CompletedProcess[str]:
        """`trainyard --local …` to its end."""
        return subprocess.run(
            self.command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False
        )
