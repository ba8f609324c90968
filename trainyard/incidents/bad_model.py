"""A package that loads and answers every request with an error is approved and rolled out."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from typing import Any, ClassVar

from ml_contract.symptoms import ENDPOINT_ERRORS, Symptom
from trainyard.incidents.incident import Incident
from trainyard.incidents.runs import WORKLOAD
from trainyard.incidents.scene import IncidentFailed, Scene, require
from trainyard.operations import packages
from trainyard.operations.connection import OperationError

_STACK = f"serving-{WORKLOAD}"
_PARAMETER = "ModelPackageArn"
_BROKEN = b"""

def _broken(self, requests):
    raise RuntimeError("the weights are not those of this graph")


TritonPythonModel.execute = _broken
"""
"""What is put behind the program of a package."""
_PAUSE_SECONDS = 0.1
_SETTLED = ("UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED")


class BadModel(Incident):
    name: ClassVar[str] = "bad-model"
    summary: ClassVar[str] = "a package that loads and answers with errors is approved and rolled out"
    symptoms: ClassVar[tuple[Symptom, ...]] = (ENDPOINT_ERRORS,)
    subject: ClassVar[str] = WORKLOAD
    stacks: ClassVar[tuple[str, ...]] = ("storage", f"training-{WORKLOAD}", _STACK)
    variables: ClassVar[tuple[str, ...]] = ("ENDPOINT", "PACKAGES", "BAD")
    # Alarms of 10 s look at two of them: a few requests each.
    minute_seconds: ClassVar[float] = 12.0
    good: str
    """ARN of the package that was served before."""
    bad: str

    def prepare(self, scene: Scene) -> None:
        self.good = self._served(scene)
        if not self.good:
            raise OperationError(
                f"{scene.stack(_STACK)}: it serves no package. Run {scene.stack(WORKLOAD)} and deploy what it "
                f"registers: `{scene.output(_STACK, 'DeployCommand')}`, or take what `make demo` leaves"
            )
        group = scene.stack(WORKLOAD)
        scene.variables |= {"ENDPOINT": scene.stack(WORKLOAD), "PACKAGES": group}
        require(self._answers(scene), f"{scene.variables['ENDPOINT']}: it answers with errors before it begins")
        self.bad = _register_broken(scene, self.good, group)
        scene.afterwards(lambda: scene.client("sagemaker").delete_model_package(ModelPackageName=self.bad))
        scene.variables["BAD"] = self.bad

    def provoke(self, scene: Scene) -> None:
        ended = threading.Event()
        users = threading.Thread(target=self._ask, args=(scene, ended), name="users", daemon=True)
        scene.afterwards(ended.set)
        users.start()
        _deploy(scene, self.bad)
        # Whoever is told finds the update taken back already, or under way.
        status = scene.wait(lambda: _settled(scene), 300.0, "the update to be taken back")
        ended.set()
        require(status == "UPDATE_ROLLBACK_COMPLETE", f"{scene.stack(_STACK)}: {status}, and not rolled back")

    def check(self, scene: Scene) -> list[str]:
        served = self._served(scene)
        require(served == self.good, f"{scene.variables['ENDPOINT']}: it serves {served}, not {self.good}")
        require(self._answers(scene), f"{scene.variables['ENDPOINT']}: it answers with errors")
        sagemaker = scene.client("sagemaker")
        status = sagemaker.describe_model_package(ModelPackageName=self.bad)["ModelApprovalStatus"]
        require(status == "Rejected", f"{self.bad}: it is {status}")
        latest = next(row for row in packages.versions(scene.connection, scene.variables["PACKAGES"])
                      if row.get("ModelApprovalStatus") == "Approved")  # fmt: skip
        require(latest["ModelPackageArn"] != self.bad, f"{self.bad}: it is still what would be deployed next")
        version = served.rpartition("/")[2]
        return [f"the alarms took the update back; version {version} answers", "the bad version is Rejected"]

    @staticmethod
    def _served(scene: Scene) -> str:
        """ARN of the package that the endpoint's model was made of; empty where there is no endpoint."""
        from botocore.exceptions import ClientError

        sagemaker = scene.client("sagemaker")
        try:
            config = sagemaker.describe_endpoint(EndpointName=scene.stack(WORKLOAD))["EndpointConfigName"]
        except ClientError:
            return ""
        (variant,) = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
        model = sagemaker.describe_model(ModelName=variant["ModelName"])
        container = (model.get("Containers") or [model["PrimaryContainer"]])[0]
        return str(container["ModelPackageName"])

    @staticmethod
    def _answers(scene: Scene) -> bool:
        from botocore.exceptions import ClientError

        body = {"inputs": [{"name": "tokens", "shape": [1, 4], "datatype": "INT64", "data": [100, 101, 102, 32]}]}
        runtime = scene.client("sagemaker-runtime")
        try:
            runtime.invoke_endpoint(
                EndpointName=scene.variables["ENDPOINT"], ContentType="application/json", Body=json.dumps(body)
            )
        except ClientError:
            return False
        return True

    def _ask(self, scene: Scene, ended: threading.Event) -> None:
        """What users do: ask, and ask again."""
        while not ended.wait(_PAUSE_SECONDS):
            self._answers(scene)


def _register_broken(scene: Scene, good: str, group: str) -> str:
    """Registers and approves a copy of a package whose program fails at every request."""
    sagemaker, s3 = scene.client("sagemaker"), scene.client("s3")
    specification = sagemaker.describe_model_package(ModelPackageName=good)["InferenceSpecification"]
    (container,) = specification["Containers"]
    bucket, _, key = container["ModelDataUrl"].removeprefix("s3://").partition("/")
    archive = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    target = f"{key.rpartition('/')[0]}/bad-model/model.tar.gz"
    scene.afterwards(lambda: s3.delete_object(Bucket=bucket, Key=target))
    s3.put_object(Bucket=bucket, Key=target, Body=with_broken_program(archive))
    made: dict[str, Any] = {"Image": container["Image"], "ModelDataUrl": f"s3://{bucket}/{target}"}
    if "Environment" in container:
        made["Environment"] = container["Environment"]
    kept = {name: value for name, value in specification.items() if name != "Containers"}
    arn = str(
        sagemaker.create_model_package(
            ModelPackageGroupName=group,
            ModelApprovalStatus="Approved",
            InferenceSpecification={**kept, "Containers": [made]},
        )["ModelPackageArn"]
    )

    def usable() -> bool:
        status = sagemaker.describe_model_package(ModelPackageName=arn)["ModelPackageStatus"]
        if status == "Failed":
            raise IncidentFailed(f"{arn}: it was refused, and cannot be rolled out")
        return bool(status == "Completed")

    scene.wait(usable, 120.0, "the bad package to be registered")
    return arn


def with_broken_program(archive: bytes) -> bytes:
    """A package's archive whose program loads and fails at every request."""
    changed = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(archive)) as before, tarfile.open(fileobj=changed, mode="w:gz") as after:
        for member in before.getmembers():
            found = before.extractfile(member)
            content = found.read() if found else b""
            if member.name.endswith("/model.py"):
                content += _BROKEN
                member.size = len(content)
            after.addfile(member, io.BytesIO(content))
    return changed.getvalue()


def _deploy(scene: Scene, package: str) -> None:
    """What the stack's DeployCommand does, by CloudFormation."""
    scene.client("cloudformation").update_stack(
        StackName=scene.stack(_STACK), UsePreviousTemplate=True, Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": _PARAMETER, "ParameterValue": package}],
    )  # fmt: skip


def _settled(scene: Scene) -> str | None:
    (stack,) = scene.client("cloudformation").describe_stacks(StackName=scene.stack(_STACK))["Stacks"]
    return str(stack["StackStatus"]) if stack["StackStatus"] in _SETTLED else None
