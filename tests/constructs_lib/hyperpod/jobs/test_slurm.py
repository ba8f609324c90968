"""sbatch scripts say what the values say, shells accept them, and a stack publishes them with their places."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from constructs_lib.hyperpod.jobs.places import (
    ArchivedCode,
    FolderChannel,
    FolderCode,
    S3Checkpoints,
    SharedCheckpoints,
)
from constructs_lib.hyperpod.jobs.published import PublishedJob
from constructs_lib.hyperpod.jobs.runtimes import PyxisContainer, VirtualEnvironment
from constructs_lib.hyperpod.jobs.slurm import SlurmJob
from constructs_lib.training import CodeBundle, DeepLearningImage, Location, TrainingResources
from constructs_lib.training.channels import StreamChannel
from constructs_lib.values import InvalidValue
from ml_contract.clusters import jobs
from ml_contract.hyperparameters import decode
from ml_contract.images import PYTORCH_TRAINING
from ml_contract.prometheus import FOLDER, FOLDER_VARIABLE
from ml_contract.training.aws_strategies import Mpi, SageMakerDataParallel
from ml_contract.training.optimization import AdamW
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Fsdp
from ml_contract.training.surroundings import Checkpointing, Loading, MemoryTier
from ml_contract.workloads import llama

NODES = TrainingResources(instance_type="ml.p5.48xlarge", instance_count=16, volume_gib=500, efa=True)


def run(**changes: Any) -> TrainingRun:
    return TrainingRun(
        **{"workload": llama.LLAMA_8B, "strategy": Fsdp(), "optimizer": AdamW(learning_rate=3e-4),
           "global_batch_size": 512, "steps": 20000, "activation_checkpointing": "full", **changes}
    )  # fmt: skip


def job(**changes: Any) -> SlurmJob:
    return SlurmJob(
        **{"name": "llama-8b", "run": run(), "resources": NODES, "code": FolderCode(path="/fsx/code"),
           "data": (FolderChannel(name="train", path="/fsx/data"),),
           "checkpoints": SharedCheckpoints(path="/fsx/checkpoints"), "output": "/fsx/runs",
           "runtime": VirtualEnvironment(path="/fsx/env"), "time_limit_minutes": 2880, **changes}
    )  # fmt: skip


CONTAINER = PyxisContainer(image=DeepLearningImage(image=PYTORCH_TRAINING), mounts=("/fsx",))


def options(text: str) -> dict[str, str]:
    found = (line.removeprefix("#SBATCH --").partition("=") for line in text.splitlines() if line.startswith("#SBATCH"))
    return {name: value for name, _, value in found}


def test_the_scheduler_is_asked_for_what_the_values_say() -> None:
    found = options(job(partition="big", account="research").text())
    assert found == {
        "job-name": "llama-8b", "nodes": "16", "ntasks-per-node": "1", "exclusive": "", "mem": "0",
        "gpus-per-node": "8", "time": "2880", "partition": "big", "account": "research",
        "output": "/fsx/runs/llama-8b-%j.log", "open-mode": "append", "requeue": "", "signal": "B:USR1@120",
    }  # fmt: skip


def test_the_run_arrives_as_it_was_written() -> None:
    text = job().text()
    document = re.search(r"<<'HYPERPARAMETERS'\n(.*)\nHYPERPARAMETERS\n", text, re.DOTALL)
    assert document
    assert decode(TrainingRun, json.loads(document[1])) == run()


@pytest.mark.parametrize(
    "changes",
    [{}, {"runtime": CONTAINER}, {"at_limit": "end", "retries": 0, "environment": {"NCCL_DEBUG": "it's $HOME"}}],
)
def test_shells_accept_every_script(changes: dict[str, Any]) -> None:
    text = job(**changes).text()
    assert subprocess.run(["bash", "-n"], input=text, text=True, check=False).returncode == 0
    program = shutil.which("shellcheck")
    assert program, "requirements/test.txt brings it"
    checked = subprocess.run(
        [program, "--severity", "warning", "-"], input=text, text=True, capture_output=True, check=False
    )
    assert checked.stdout == ""


def test_a_container_sees_the_shared_folders_and_takes_its_image_from_the_stack() -> None:
    text = job(runtime=CONTAINER).text()
    assert '--container-image="${TRAINYARD_IMAGE/\\//#}"' in text
    assert "step+=(python -m training_code.launcher.slurm" in text
    ended = subprocess.run(
        ["bash", "-c", 'echo "${TRAINYARD_IMAGE/\\//#}"'], text=True, capture_output=True, check=True,
        env={"TRAINYARD_IMAGE": "1.dkr.ecr.eu-west-1.amazonaws.com/team/train:1"},
    )  # fmt: skip
    assert ended.stdout.strip() == "1.dkr.ecr.eu-west-1.amazonaws.com#team/train:1"


@pytest.mark.parametrize("told", [False, True])
def test_figures_go_where_the_nodes_exporter_looks_if_there_is_one(tmp_path: Path, told: bool) -> None:
    """The lines themselves, with another folder in the place of the node's."""
    folder = tmp_path / "metrics"
    text = job(runtime=CONTAINER).text().replace(FOLDER, str(folder))
    if told:
        folder.mkdir()
    lines = [line for line in text.splitlines() if str(folder) in line]
    script = "\n".join(["set -eu", "step=()", *lines, f'echo "${{{FOLDER_VARIABLE}-}} ${{step[*]}}"'])
    said = subprocess.run(["bash", "-c", script], text=True, capture_output=True, check=True, env={}).stdout.split()
    mounted = f"--container-mounts=/fsx:/fsx,{folder}:{folder}"
    assert said == ([str(folder), mounted] if told else ["--container-mounts=/fsx:/fsx"])


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"name": "Llama 8B"}, "SlurmJob.name: got 'Llama 8B'"),
        ({"time_limit_minutes": 3}, "SlurmJob.time_limit_minutes: got 3, but it must be at least 4"),
        ({"run": run(strategy=Mpi())}, "SlurmJob.run.strategy: got 'mpi', but mpirun starts its ranks"),
        ({"run": run(strategy=SageMakerDataParallel())}, "runs on ml.p3.16xlarge"),
        ({"run": run(checkpoint_uri="s3://b/p")}, "SlurmJob.run.checkpoint_uri: got 's3://b/p', but the job gives it"),
        ({"run": run(loading=Loading(stream_uri="s3://b/p"))}, "SlurmJob.run.loading.stream_uri: got 's3://b/p'"),
        (
            {"run": run(checkpointing=Checkpointing(memory=MemoryTier(every_steps=10)))},
            "SlurmJob.run.checkpointing.memory: got 'MemoryTier', but tiered checkpoints are for clusters that Kube",
        ),
        ({"run": run(global_batch_size=100)}, "SlurmJob.run.global_batch_size: got 100"),
        ({"data": (FolderChannel(name="test", path="/fsx/t"),)}, "SlurmJob.data: got ['test'], but one channel is"),
        ({"environment": {"TRAINYARD_RUN": "1"}}, "environment.TRAINYARD_RUN: got '1', but a variable's name"),
        ({"environment": {"A-B": "1"}}, "environment.A-B: got '1', but a variable's name"),
        ({"runtime": PyxisContainer(image=CONTAINER.image, mounts=("/fsx/runs",))}, "code.path: got '/fsx/code'"),
        ({"output": "relative"}, "SlurmJob.output: got 'relative'"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(changes: dict[str, Any], refused: str) -> None:
    with pytest.raises(InvalidValue) as error:
        job(**changes)
    assert refused in str(error.value)


@pytest.fixture(scope="module")
def bucket() -> s3.IBucket:
    return s3.Bucket.from_bucket_name(cdk.Stack(), "Bucket", "data")


def test_a_stream_is_told_to_the_run_itself(bucket: s3.IBucket) -> None:
    stream = StreamChannel(source=Location(bucket=bucket, prefix="text"), hyperparameter="data_uri")
    with pytest.raises(InvalidValue, match=r"SlurmJob\.data\.hyperparameter: got 'data_uri', but a run's own is"):
        job(data=stream)


def test_checkpoints_of_a_cluster_are_of_no_execution(bucket: s3.IBucket) -> None:
    with pytest.raises(InvalidValue, match=r"location\.path: got \('run',\), but a cluster's job is no execution"):
        S3Checkpoints(location=Location(bucket=bucket, prefix="clusters", path=("run",)))


def test_a_library_of_aws_wants_its_image() -> None:
    nodes = TrainingResources(instance_type="ml.p4d.24xlarge", instance_count=16, volume_gib=500, efa=True)
    with pytest.raises(InvalidValue, match=r"the strategy smddp needs smdistributed.* of AWS's own images"):
        job(run=run(workload=llama.LLAMA_TINY, strategy=SageMakerDataParallel()), resources=nodes)


@pytest.fixture(scope="module")
def template() -> assertions.Template:
    stack = cdk.Stack(cdk.App(), "Cluster", env=cdk.Environment(account="111122223333", region="us-east-1"))
    bucket = s3.Bucket(stack, "Bucket")
    role = iam.Role(stack, "Nodes", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"))
    published = job(
        code=ArchivedCode(bundle=CodeBundle(stack, "Code", packages=["ml_contract"])),
        checkpoints=S3Checkpoints(location=Location(bucket=bucket, prefix="clusters")),
        data=StreamChannel(source=Location(bucket=bucket, prefix="text")),
        runtime=CONTAINER,
    )  # fmt: skip
    published.grant(role)
    PublishedJob(stack, "Job", job=published, parameter=jobs.parameter("dev", "slurm", published.name))
    return assertions.Template.from_stack(stack)


def test_a_stack_publishes_the_script_and_its_places(template: assertions.Template) -> None:
    [parameter] = template.find_resources("AWS::SSM::Parameter").values()
    properties = parameter["Properties"]
    assert properties["Name"] == "/trainyard/dev/clusters/slurm/jobs/llama-8b"
    parts = properties["Value"]["Fn::Join"][1]
    value = "".join(part if isinstance(part, str) else "resolved" for part in parts)
    found = jobs.PublishedJob.load(value)
    assert (found.kind, set(found.variables)) == ("slurm", set(jobs.VARIABLES))
    assert found.variables[jobs.CHECKPOINTS] == "s3://resolved/clusters"
    assert found.variables[jobs.IMAGE].startswith("763104351884.dkr.ecr.us-east-1.")


def test_the_nodes_reach_the_places_and_no_other(template: assertions.Template) -> None:
    [policy] = template.find_resources("AWS::IAM::Policy").values()
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    written = [entry for entry in statements if "s3:PutObject" in entry["Action"]]
    assert len(written) == 1
    assert written[0]["Resource"]["Fn::Join"][1][-1] == "/clusters/*"
