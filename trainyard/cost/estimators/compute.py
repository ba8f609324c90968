"""Functions, state machines, builds, tracking servers."""

from __future__ import annotations

from collections.abc import Iterator

from trainyard.cost.estimators.base import Around, Estimator, unknown
from trainyard.cost.estimators.properties import items, number, text
from trainyard.cost.lines import Line
from trainyard.cost.templates import Resource

_SIZES = {"BUILD_GENERAL1_SMALL": "small", "BUILD_GENERAL1_MEDIUM": "medium", "BUILD_GENERAL1_LARGE": "large"}


class Function(Estimator):
    """Calls, and memory over time."""

    types = ("AWS::Lambda::Function", "AWS::Serverless::Function")

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        architecture = (items(resource.properties, "Architectures") or ["x86_64"])[0]
        memory = number(resource.properties, "MemorySize", 128) / 1024
        calls, seconds = around.assumptions["lambda_requests_per_month"], around.assumptions["lambda_seconds"]
        names = ("lambda_requests_per_month", "lambda_seconds")
        yield around.use("calls", "lambda/million-requests", calls / 1e6, names[0])
        yield around.use("duration", f"lambda/{architecture}-gb-second", calls * seconds * memory, *names)


class StateMachine(Estimator):
    """Transitions, or requests of an express one."""

    types = ("AWS::StepFunctions::StateMachine",)

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        name = "state_transitions_per_month"
        count = around.assumptions[name]
        if text(resource.properties, "StateMachineType", "STANDARD") == "EXPRESS":
            yield around.use("requests", "states/million-express-requests", count / 1e6, name)
            yield unknown("duration of express executions", "by memory and time, which no template tells")
        else:
            yield around.use("transitions", "states/1000-transitions", count / 1000, name)


class Project(Estimator):
    """Minutes of builds."""

    types = ("AWS::CodeBuild::Project",)

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        environment = resource.properties.get("Environment") or {}
        size = _SIZES.get(text(environment, "ComputeType"))
        kind = text(environment, "Type")
        if size is None or kind != "LINUX_CONTAINER":
            yield unknown(f"builds on {environment['ComputeType']}, {kind}", "no price of it here")
            return
        name = "codebuild_minutes_per_month"
        yield around.use("builds", f"codebuild/general1.{size}-minute", around.assumptions[name], name)


class TrackingServer(Estimator):
    """A managed MLflow server by the hour that it exists and is not stopped."""

    types = ("AWS::SageMaker::MlflowTrackingServer",)

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        size = text(resource.properties, "TrackingServerSize", "Small")
        yield around.fixed(f"MLflow tracking server, {size}", f"sagemaker/mlflow-{size.lower()}-hour")


class Notebook(Estimator):
    """A notebook instance by the hour that it is not stopped, and its volume."""

    types = ("AWS::SageMaker::NotebookInstance",)

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        kind = text(resource.properties, "InstanceType")
        yield around.fixed(f"{kind}, never stopped", f"{kind}/notebook")
        size = number(resource.properties, "VolumeSizeInGB", 5)
        yield around.fixed(f"volume of {size:g} GB", "sagemaker/volume-gb-month", size)


class Instance(Estimator):
    """A machine of EC2 on demand by the hour; volumes that its image brings are in no template."""

    types = ("AWS::EC2::Instance",)

    def lines(self, resource: Resource, around: Around) -> Iterator[Line]:
        kind = text(resource.properties, "InstanceType", "m1.small")
        yield around.fixed(f"{kind}, never stopped", f"{kind}/ec2")
        yield unknown("its volumes", "what its image brings is not in the template")
