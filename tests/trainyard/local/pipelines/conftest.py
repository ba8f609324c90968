"""A SageMaker of a few lines: its jobs end as the test says. The executor under test is the real one."""

import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from trainyard.local.api.service import Caller, Context, Service
from trainyard.local.api.store import Store
from trainyard.local.pipelines import Pipelines, runner
from trainyard.local.pipelines.kinds import service_model

from .yard import Yard

ROLE = "arn:aws:iam::123456789012:role/pipeline"
TRAINING = {
    "AlgorithmSpecification": {"TrainingImage": "pytorch", "TrainingInputMode": "File"},
    "OutputDataConfig": {"S3OutputPath": "s3://artifacts/models"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
    "RoleArn": ROLE,
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}
PROCESSING = {
    "AppSpecification": {"ImageUri": "pytorch"},
    "ProcessingOutputConfig": {
        "Outputs": [
            {
                "OutputName": "evaluation",
                "S3Output": {
                    "S3Uri": "s3://artifacts/evaluation",
                    "LocalPath": "/opt/ml/processing/output/evaluation",
                    "S3UploadMode": "EndOfJob",
                },
            }
        ]
    },
    "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
    "RoleArn": ROLE,
}


def refusal(code: str, message: str = "refused", status: int = 400) -> ClientError:
    """An error answer."""
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Operation")


def unreachable() -> EndpointConnectionError:
    """No answer at all."""
    return EndpointConnectionError(endpoint_url="http://127.0.0.1:1")


class FakeCloud:
    """Jobs and objects.

    `fates` decides about the next job of a step: a status, an error to raise, or a whole answer.
    """

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.created: list[tuple[str, dict[str, Any]]] = []
        self.stopped: list[str] = []
        self.fates: dict[str, list[Any]] = {}
        self.objects: dict[str, Any] = {}
        self.deny_stop = False
        self.before_describe: Callable[[str], None] = lambda _: None

    def clients(self, role: str) -> Callable[[str], Any]:
        assert role == ROLE
        return lambda service: SimpleNamespace(get_object=self._get_object) if service == "s3" else self

    def __getattr__(self, name: str) -> Any:
        for kind in ("training_job", "processing_job"):
            field = "".join(part.title() for part in kind.split("_"))
            if name == f"create_{kind}":
                return lambda **request: self._create(field, request)
            if name == f"describe_{kind}":
                return lambda **request: self._describe(request[f"{field}Name"])
            if name == f"stop_{kind}":
                return lambda **request: self._stop(field, request[f"{field}Name"])
        raise AttributeError(name)

    def names(self) -> list[str]:
        """The steps whose jobs were created, in order."""
        return [_step_of(name) for name, _ in self.created]

    def _create(self, field: str, request: dict[str, Any]) -> dict[str, Any]:
        name = request[f"{field}Name"]
        if name in self.jobs:
            raise refusal("ResourceInUse", f"{name} already exists")
        fates = self.fates.get(_step_of(name), [])
        fate = fates.pop(0) if fates else "Completed"
        if isinstance(fate, Exception):
            raise fate
        self.created.append((name, request))
        answer = {f"{field}Status": fate} if isinstance(fate, str) else fate
        arn = f"arn:aws:sagemaker:us-east-1:123456789012:{field}/{name}"
        self.jobs[name] = request | {f"{field}Arn": arn} | answer
        return {f"{field}Arn": arn}

    def _describe(self, name: str) -> dict[str, Any]:
        self.before_describe(name)
        if name not in self.jobs:
            raise refusal("ValidationException", "Requested resource not found.")
        return {**self.jobs[name], "ResponseMetadata": {}}

    def _stop(self, field: str, name: str) -> dict[str, Any]:
        if name not in self.jobs:
            raise refusal("ValidationException", "Requested resource not found.")
        if self.deny_stop:
            raise refusal("AccessDeniedException", f"not authorized to stop {name}")
        self.stopped.append(_step_of(name))
        self.jobs[name][f"{field}Status"] = "Stopped"
        return {}

    def _get_object(self, Bucket: str, Key: str) -> dict[str, Any]:
        found = self.objects.get(f"s3://{Bucket}/{Key}")
        if found is None:
            raise refusal("NoSuchKey", "The specified key does not exist.", 404)
        return {"Body": io.BytesIO(found if isinstance(found, bytes) else json.dumps(found).encode())}


def _step_of(job: str) -> str:
    return "-".join(job.split("-")[2:-1])


class Console:
    """Drives the family as a client does, without HTTP."""

    def __init__(self, folder: Path, fake: FakeCloud) -> None:
        self.fake = fake
        self.store = Store(folder / "documents.sqlite")
        platform = SimpleNamespace(exists=lambda kind, name: kind == "role" and name == ROLE)
        self.context = Context(
            store=self.store,
            platform=platform,
            state=folder,
            account="123456789012",
            region="us-east-1",
            faults=SimpleNamespace(),
        )
        self.caller = Caller(account="123456789012", region="us-east-1", arn="arn:aws:iam::123456789012:user/tester")
        self.tokens = 0
        self.boot()

    def boot(self) -> None:
        """Starts the family anew over the same documents."""
        self.family = Pipelines(self.context, self.fake.clients)
        self.service = Service(service_model(), self.family)

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        shape = service_model().operation_model(operation).input_shape
        if "ClientRequestToken" in shape.members and "ClientRequestToken" not in request:
            self.tokens += 1
            request["ClientRequestToken"] = f"{self.tokens:032d}"
        return self.service.call(operation, request, self.caller)

    def create(self, *steps: dict[str, Any], name: str = "flow", parameters: Any = ()) -> str:
        return self.call(
            "CreatePipeline",
            PipelineName=name,
            RoleArn=ROLE,
            PipelineDefinition=json.dumps(
                {"Version": "2020-12-01", "Parameters": list(parameters), "Steps": list(steps)}
            ),
        )["PipelineArn"]

    def start(self, name: str = "flow", **parameters: str) -> str:
        return self.call(
            "StartPipelineExecution",
            PipelineName=name,
            PipelineParameters=[{"Name": key, "Value": value} for key, value in parameters.items()],
        )["PipelineExecutionArn"]

    def describe(self, arn: str) -> dict[str, Any]:
        return self.call("DescribePipelineExecution", PipelineExecutionArn=arn)

    def steps(self, arn: str) -> dict[str, dict[str, Any]]:
        listed = self.call("ListPipelineExecutionSteps", PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        return {step["StepName"]: step for step in listed}

    def until(self, arn: str, *statuses: str) -> dict[str, Any]:
        """Waits for a status of the execution."""
        return self.eventually(lambda: self._in(arn, statuses))

    def run(self, name: str = "flow", **parameters: str) -> tuple[str, dict[str, Any]]:
        """Starts an execution and waits for its end."""
        arn = self.start(name, **parameters)
        return arn, self.until(arn, "Succeeded", "Failed", "Stopped")

    def _in(self, arn: str, statuses: tuple[str, ...]) -> dict[str, Any] | None:
        described = self.describe(arn)
        return described if described["PipelineExecutionStatus"] in statuses else None

    @staticmethod
    def eventually(look: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            time.sleep(0.005)
        raise AssertionError("it did not happen within 60 s")


@pytest.fixture
def fake() -> FakeCloud:
    return FakeCloud()


@pytest.fixture
def console(tmp_path: Path, fake: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Console]:
    # A fake's jobs take no time: most of a test would be the runner's pauses between two looks.
    monkeypatch.setattr(runner, "_FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(runner, "_LONGEST_PAUSE_SECONDS", 0.03)
    made = Console(tmp_path, fake)
    yield made
    made.family.stop()
    made.store.close()


@pytest.fixture
def training() -> Callable[..., dict[str, Any]]:
    """Makes a training step."""

    def make(name: str = "Train", **fields: Any) -> dict[str, Any]:
        arguments = TRAINING | fields.pop("arguments", {})
        return {"Name": name, "Type": "Training", "Arguments": arguments, **fields}

    return make


@pytest.fixture
def processing() -> Callable[..., dict[str, Any]]:
    """Makes a processing step that writes a property file `Evaluation`."""

    def make(name: str = "Evaluate", **fields: Any) -> dict[str, Any]:
        arguments = PROCESSING | fields.pop("arguments", {})
        files = [{"PropertyFileName": "Evaluation", "OutputName": "evaluation", "FilePath": "evaluation.json"}]
        return {"Name": name, "Type": "Processing", "Arguments": arguments, "PropertyFiles": files, **fields}

    return make


POLICY = {"IntervalSeconds": 0, "MaxAttempts": 2, "ExceptionType": ["SageMaker.CAPACITY_ERROR"]}
LOST = {"TrainingJobStatus": "Failed", "FailureReason": "CapacityError: Unable to provision capacity."}


def reject(message):
    """A step that fails the execution."""
    return {"Name": "Reject", "Type": "Fail", "Arguments": {"ErrorMessage": message}}


@pytest.fixture
def yard(client, role, bucket):
    """On the cloud of all tests."""
    return Yard(client, role, bucket)
