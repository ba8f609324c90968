"""The app as a whole: one synthesis for every environment, always the same bytes, and refusals without a traceback."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from synthesis import PARTS, ROOT, assembly, resources, stages, synthesise, template

NODE_FIRST = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
STATEFUL = ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::EC2::VPC", "AWS::EC2::Subnet",
            "AWS::SageMaker::Pipeline", "AWS::SageMaker::ModelPackageGroup", "AWS::SageMaker::Endpoint",
            "AWS::FSx::FileSystem", "AWS::RDS::DBInstance", "AWS::SageMaker::Cluster")  # fmt: skip


def test_every_environment_has_its_stacks() -> None:
    from environments import ENVIRONMENTS
    from stacks.clusters import EksCluster

    assert stages() == ["Dev", "Lab", "Local", "Prod", "Research"]
    for stage in stages():
        manifest = json.loads((assembly() / f"assembly-{stage}" / "manifest.json").read_text())
        stacks = {a["properties"]["stackName"]: a["properties"].get("terminationProtection", False)
                  for a in manifest["artifacts"].values() if a["type"] == "aws:cloudformation:stack"}  # fmt: skip
        (environment,) = (found for found in ENVIRONMENTS if found.stage == stage)
        trainings = [f"training-{found.workload}" for found in environment.trainings]
        endpoints = [f"serving-{found.name}" for found in environment.endpoints]
        files = [f"files-{found.name}" for found in environment.file_systems]
        clusters = [f"cluster-{found.name}" for found in environment.clusters]
        clusters += [f"controlplane-{found.name}" for found in environment.clusters if isinstance(found, EksCluster)]
        watched = ["observability"] if environment.observability else []
        watched += [f"governance-{found.name}" for found in environment.clusters if getattr(found, "governance", None)]
        trainings += ["adhoc"] if trainings else []
        trainings += ["boundary"] if environment.guardrails else []
        watched += ["operation"] if environment.operation else []
        watched += ["budgets"] if environment.budgets else []
        watched += ["pages"] if environment.pages else []
        watched += ["mlflow"] if environment.mlflow else []
        parts = ["network", "storage", *trainings, *endpoints, *files, *clusters, *watched]
        assert stacks == {f"trainyard-{stage.lower()}-{part}": environment.protected for part in parts}


def test_logical_ids_of_what_holds_state_never_change() -> None:
    """A change here replaces the resource, with everything in it: data, registry, endpoint."""
    found = {
        name: entry["Type"]
        for part in PARTS
        for kind in STATEFUL
        for name, entry in resources(template("Prod", part), kind).items()
    }
    assert found == json.loads((Path(__file__).parent / "logical_ids.json").read_text())


def digests(folder: Path) -> dict[str, str]:
    return {
        # Traces of the construction name the folder that CDK was unpacked into, another one in each process.
        str(path.relative_to(folder)): hashlib.sha256(re.sub(rb"jsii-kernel-\w+", b"", path.read_bytes())).hexdigest()
        for path in sorted(folder.rglob("*"))
        # Paths and versions of the machine.
        if path.is_file() and path.name not in {"tree.json", "validation-report.json"}
    }


@pytest.mark.slow
def test_two_syntheses_write_the_same_bytes_and_a_review_changes_none(tmp_path: Path) -> None:
    from environments import ENVIRONMENTS

    assert digests(synthesise(ENVIRONMENTS, tmp_path / "again", reviewed=False)) == digests(assembly())


def test_everything_that_can_be_is_tagged() -> None:
    for part, kind in (("Storage", "AWS::S3::Bucket"), ("Training", "AWS::SageMaker::Pipeline")):
        for entry in resources(template("Dev", part), kind).values():
            tags = {tag["Key"]: tag["Value"] for tag in entry["Properties"]["Tags"]}
            assert tags["application"] == "trainyard"
            assert tags["environment"] == "dev"


BARE = """import aws_cdk.aws_s3 as s3, aws_cdk.aws_iam as iam
        s3.Bucket(self, 'Bare')
        wide = iam.Role(self, 'Wide', assumed_by=iam.AccountPrincipal('999999999999'))
        wide.add_to_policy(iam.PolicyStatement(actions=['s3:*'], resources=['*']))
        """


def run(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "app.py"], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "CDK_VALIDATION": "false", "PATH": NODE_FIRST, **environment},
    )  # fmt: skip


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "app.py", tmp_path)
    for package in ("environments", "stacks"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.slow
def test_a_wrong_environment_ends_the_app_with_one_line(checkout: Path) -> None:
    local = checkout / "environments" / "local.py"
    local.write_text(local.read_text().replace('instance_type="ml.m5.large"', 'instance_type="ml.m5.larg"'))
    ended = run(checkout, PYTHONPATH=str(ROOT))
    assert ended.returncode == 1
    (line,) = ended.stderr.strip().splitlines()
    assert line.startswith("TrainingResources.instance_type: got 'ml.m5.larg', but the instance catalogue")
    assert "Did you mean ml.m5.large" in line


@pytest.mark.slow
def test_a_violation_ends_the_app(checkout: Path) -> None:
    (checkout / "environments" / "__init__.py").write_text(
        # A boundary comes after the storage, and would be a circle with a role in it; others are not looked at here.
        "from environments.local import LOCAL\n\nNO = dict.fromkeys(('guardrails', 'operation', 'budgets', 'pages'))\n"
        "ENVIRONMENTS = (LOCAL.model_copy(update=NO | {'trainings': (), 'endpoints': ()}),)\n"
    )
    stack = checkout / "stacks" / "storage.py"
    stack.write_text(stack.read_text().replace("self.storage = ", BARE + "self.storage = "))
    ended = run(checkout, PYTHONPATH=str(ROOT))
    assert ended.returncode == 1
    assert "AwsSolutions-S1" in ended.stderr
    assert "EveryAction[s3:*]@WideDefaultPolicy" in ended.stderr
    assert "ForeignAccount[arn:aws:iam::999999999999:root]@Wide" in ended.stderr
    assert "got s3:*, but it allows all there is, tomorrow's actions too" in ended.stderr
    assert "Name the actions." in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_app_is_a_recipe() -> None:
    assert len((ROOT / "app.py").read_text().splitlines()) <= 30


def test_cdk_json_holds_a_command_and_flags_and_no_settings() -> None:
    assert set(json.loads((ROOT / "cdk.json").read_text())) == {"app", "watch", "context", "versionReporting"}
