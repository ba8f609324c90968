"""The app synthesised once per test session, and templates as plain values."""

import fcntl
import functools
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_SYNTHESISED = "TRAINYARD_TESTS_SYNTHESISED"
"""Environment variable, of the Makefile alone: the folder where `make synth` has just written this very tree."""
if (_SHARED := "TRAINYARD_TESTS_ASSEMBLY") not in os.environ:
    # In xdist's controller, whose processes get its environment; it removes the folder when the tests end.
    _FOLDER = tempfile.TemporaryDirectory(prefix="trainyard-assembly-")
    os.environ[_SHARED] = _FOLDER.name
    if _SYNTHESISED in os.environ:
        # A copy: the demo, which is tested too, writes there again.
        shutil.copytree(os.environ[_SYNTHESISED], Path(_FOLDER.name, "assembly"))
        Path(_FOLDER.name, "written").touch()
PARTS = ("Network", "Storage", "Training", "Serving", "Files", "Cluster")
"""Stacks; Training and Serving are those of the workload bytes_lm, Training-digits that of another; Files and Cluster
those of the Slurm cluster."""


AS_THE_CLI = {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}
"""What the CLI asks of an app beside its flags: with it both write the same bytes."""


def context() -> dict[str, Any]:
    """The feature flags of cdk.json, which only the CLI gives to an app."""
    return json.loads((ROOT / "cdk.json").read_text())["context"]


def synthesise(environments: Iterable[Any], folder: Path, *, reviewed: bool = True) -> Path:
    """Write the cloud assembly of `environments` as app.py does; without its review in half the time."""
    import aws_cdk as cdk

    from stacks.delivery import DeliveryStack
    from stacks.guardrails import STRICT, guard
    from stacks.platform_stage import PlatformStage

    app = cdk.App(context=context(), post_cli_context={**STRICT, **AS_THE_CLI}, outdir=str(folder))
    for environment in environments:
        PlatformStage(app, environment)
        if environment.delivery:
            DeliveryStack(app, environment=environment, github=environment.delivery)
    if reviewed:
        guard(app)
    app.synth()
    return folder


@functools.cache
def assembly() -> Path:
    """The cloud assembly of every environment, written by the first process that asks; nobody may change it."""
    shared = Path(os.environ[_SHARED])
    written = shared / "written"
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not written.exists():
            from environments import ENVIRONMENTS

            synthesise(ENVIRONMENTS, shared / "assembly")
            written.touch()
    return shared / "assembly"


def assembly_of_its_own(folder: Path) -> Path:
    """A copy for the CDK CLI, which leaves locks beside what it reads."""
    return shutil.copytree(assembly(), folder / "assembly")


@functools.cache
def template(stage: str, part: str) -> dict[str, Any]:
    """The template of one stack, for example ``template("Local", "Training")``."""
    names = {"Training": "Training-bytes-lm", "Serving": "Serving-bytes-lm", "Files": "Files-shared",
             "Cluster": "Cluster-slurm"}  # fmt: skip
    name = names.get(part, part).replace("-", "")
    (path,) = (assembly() / f"assembly-{stage}").glob(f"{stage}{name}*.template.json")
    return json.loads(path.read_text())


def stages() -> list[str]:
    return sorted(path.name.removeprefix("assembly-") for path in assembly().glob("assembly-*"))


def training_stages() -> list[str]:
    """Those of environments with pipelines."""
    return [stage for stage in stages() if any((assembly() / f"assembly-{stage}").glob("*Training*"))]


def resources(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Resources of one CloudFormation type, by logical id."""
    return {name: entry for name, entry in template["Resources"].items() if entry["Type"] == kind}


def definition(stage: str, part: str = "Training") -> dict[str, Any]:
    """The pipeline's definition, with a plausible value for every reference."""
    ((_, pipeline),) = resources(template(stage, part), "AWS::SageMaker::Pipeline").items()
    return json.loads(resolved(pipeline["Properties"]["PipelineDefinition"]["PipelineDefinitionBody"]))


def resolved(value: Any) -> str:
    """Text with its references replaced by values of the right form."""
    if isinstance(value, str):
        return value
    ((function, argument),) = value.items()
    if function == "Fn::Join":
        separator, parts = argument
        return separator.join(map(resolved, parts))
    name = json.dumps(argument)
    for part, example in _EXAMPLES.items():
        if part in name:
            return example
    raise AssertionError(f"no example for {value}")


_EXAMPLES = {
    "trainyard-dev-mlflow": "arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/app-EXAMPLE",
    "Role": "arn:aws:iam::123456789012:role/example",
    "GroupId": "sg-0123456789abcdef0",
    "Subnet": "subnet-0123456789abcdef0",
    "Key": "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "Storage": "example-bucket",
    "Packages": "example-group",
}


def statements(template: dict[str, Any], policy: str) -> list[dict[str, Any]]:
    """Statements of the one policy whose logical id starts with `policy`."""
    (entry,) = (e for n, e in resources(template, "AWS::IAM::Policy").items() if n.startswith(policy))
    return entry["Properties"]["PolicyDocument"]["Statement"]


def actions(statement: dict[str, Any]) -> set[str]:
    action = statement["Action"]
    return {action} if isinstance(action, str) else set(action)
