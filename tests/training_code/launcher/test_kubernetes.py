"""The way from the operator's environment to SageMaker's contract, and to the agent in torchrun's place."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ml_contract.clusters import pods
from ml_contract.errors import ContractError
from ml_contract.exit_codes import ExitCode
from ml_contract.instances import instance
from ml_contract.paths import ContainerPaths
from ml_contract.resources import ResourceConfig
from training_code.launcher import command, kubernetes
from training_code.launcher.job import ImageLacksModule, Job, read_run

ROOT = Path(__file__).resolve().parents[3]
RUN = {
    "workload": '{"kind":"bytes_lm"}',
    "strategy": '{"kind":"ddp"}',
    "optimizer": '{"kind":"adamw","learning_rate":0.001}',
    "global_batch_size": "4",
    "steps": "3",
}


def environment(folder: Path, **changes: str) -> dict[str, str]:
    data = folder / "mounted"
    data.mkdir(exist_ok=True)
    given = {
        "TRAINYARD_POD": "bytes-pod-7", "TRAINYARD_RUN": "bytes", "TRAINYARD_CHECKPOINTS": "s3://bucket/checkpoints/",
        "TRAINYARD_INSTANCE_TYPE": "ml.c5.4xlarge", "NNODES": "2",
        "TRAINYARD_HYPERPARAMETERS": json.dumps(RUN), "TRAINYARD_CHANNELS": json.dumps({"train": str(data)}),
    }  # fmt: skip
    return {name: value for name, value in {**given, **changes}.items() if value}


@pytest.fixture
def paths(tmp_path: Path) -> ContainerPaths:
    return ContainerPaths(base=tmp_path / "ml")


def test_the_launcher_reads_what_is_written(paths: ContainerPaths, tmp_path: Path) -> None:
    kubernetes.write(paths, environment(tmp_path), "eth0")
    resources = ResourceConfig.read(paths)
    assert (resources.current_host, len(resources.hosts), resources.network_interface_name) == (
        "bytes-pod-7",
        2,
        "eth0",
    )
    assert read_run(paths).checkpoint_uri == "s3://bucket/checkpoints/bytes"


def test_a_channel_leads_to_its_mounted_folder(paths: ContainerPaths, tmp_path: Path) -> None:
    kubernetes.write(paths, environment(tmp_path), "eth0")
    assert paths.channel("train").resolve() == tmp_path / "mounted"


def test_a_container_that_begins_again_writes_the_same(paths: ContainerPaths, tmp_path: Path) -> None:
    kubernetes.write(paths, environment(tmp_path), "eth0")
    first = paths.hyperparameters.read_text()
    kubernetes.write(paths, environment(tmp_path), "eth0")
    assert paths.hyperparameters.read_text() == first


def test_a_stream_becomes_the_run_s(paths: ContainerPaths, tmp_path: Path) -> None:
    given = environment(tmp_path, TRAINYARD_STREAM="s3://bucket/data", TRAINYARD_CHANNELS="{}")
    kubernetes.write(paths, given, "eth0")
    assert read_run(paths).loading.stream_uri == "s3://bucket/data"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"NNODES": ""}, "NNODES"),
        ({"NNODES": "0"}, "NNODES"),
        ({"TRAINYARD_HYPERPARAMETERS": "{"}, "TRAINYARD_HYPERPARAMETERS"),
        ({"TRAINYARD_CHANNELS": "[]"}, "TRAINYARD_CHANNELS"),
        ({"TRAINYARD_CHANNELS": '{"train": "/nowhere"}'}, "channel train"),
        ({"TRAINYARD_POD": ""}, "TRAINYARD_POD"),
        ({"TRAINYARD_CHECKPOINTS": ""}, "TRAINYARD_CHECKPOINTS"),
        ({"TRAINYARD_RUN": "${TRAINYARD_RUN}"}, "TRAINYARD_RUN"),
    ],
)
def test_what_is_missing_is_named(paths: ContainerPaths, tmp_path: Path, changes: dict[str, str], field: str) -> None:
    with pytest.raises(ContractError) as raised:
        kubernetes.write(paths, environment(tmp_path, **changes), "eth0")
    assert raised.value.field == field


def interfaces(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).mkdir()
    return folder


def test_the_pod_s_interface_is_found(tmp_path: Path) -> None:
    assert kubernetes.interface(interfaces(tmp_path, "lo", "eth0", "eth1")) == "eth0"


def test_interfaces_of_a_host_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="hostNetwork"):
        kubernetes.interface(interfaces(tmp_path, "lo", "ens5", "ens6"))


def test_a_reason_is_shown_within_its_limit(tmp_path: Path) -> None:
    log = tmp_path / "termination-log"
    log.touch()
    kubernetes.tell("é" * 5000, log)
    assert len(log.read_bytes()) == pods.TERMINATION_LIMIT


def test_an_image_without_the_agent_is_refused() -> None:
    with pytest.raises(ImageLacksModule, match="images/hyperpod/Dockerfile"):
        kubernetes.check_agent()


def test_the_agent_gets_the_operator_s_address_and_the_ranks_time_to_commit(
    paths: ContainerPaths, tmp_path: Path
) -> None:
    kubernetes.write(paths, environment(tmp_path), "eth0")
    job = Job(resources=ResourceConfig.read(paths), instance=instance("ml.c5.4xlarge"), run=read_run(paths))
    arguments = command.hyperpodrun(job, {"AGENT_HOST": "10.0.0.7", "AGENT_PORT": "9090"})
    options: dict[str, Any] = dict(itertools.pairwise(arguments))
    assert options["--server-host"] == "10.0.0.7"
    assert options["--server-port"] == "9090"
    assert options["--nnodes"] == "2"
    assert options["--shutdown-timeout"] == "110"


AGENT = """
import json, os, sys
def main(arguments):
    print("agent " + json.dumps(arguments), flush=True)
    print("omp " + os.environ["OMP_NUM_THREADS"], flush=True)
    print("run " + os.environ["TRAINING_JOB_NAME"], flush=True)
    {then}
"""


def start(folder: Path, then: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Start as a pod does, with an agent that is not HyperPod's."""
    package = folder / "site" / "hyperpod_elastic_agent"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "run.py").write_text(AGENT.format(then=then))
    (folder / "mounted" / "shards").mkdir(parents=True)
    given = {
        **environment(folder, **changes), "PATH": os.environ["PATH"], "SAGEMAKER_BASE_DIR": str(folder / "ml"),
        "TRAINYARD_CHECKPOINTS": f"file://{folder}/checkpoints", "NNODES": "1",
        "PYTHONPATH": f"{ROOT}:{folder / 'site'}",
    }  # fmt: skip
    return subprocess.run([sys.executable, "-m", pods.MODULE], env=given, cwd=ROOT, capture_output=True, text=True,
                          check=False, timeout=240)  # fmt: skip


@pytest.mark.slow
def test_a_pod_becomes_the_agent_and_ends_as_it_does(tmp_path: Path) -> None:
    finished = start(tmp_path, "pass")
    assert finished.returncode == ExitCode.SUCCESS, finished.stderr
    assert '"-m", "training_code.train"]' in finished.stdout
    assert "omp " in finished.stdout
    assert "run bytes\n" in finished.stdout


@pytest.mark.slow
def test_an_agent_that_cannot_start_leaves_its_reason(tmp_path: Path) -> None:
    finished = start(tmp_path, "raise ValueError('Failed to launch within 5 s')")
    assert finished.returncode == ExitCode.TRAINING_FAILED, finished.stderr
    assert (tmp_path / "ml/output/failure").read_text() == "the elastic agent failed: Failed to launch within 5 s"


@pytest.mark.slow
def test_sigterm_before_any_rank_can_be_resumed(tmp_path: Path) -> None:
    finished = start(tmp_path, "import signal, time; os.kill(os.getpid(), signal.SIGTERM); time.sleep(600)")
    assert finished.returncode == ExitCode.INTERRUPTED, finished.stderr


def test_the_pod_s_command_is_python_that_compiles() -> None:
    program, flag, source = pods.command("TRAINYARD_CODE")
    assert (program, flag) == ("python", "-c")
    compile(source, "pod", "exec")
    assert "SIGTERM" in source


def test_the_pod_s_command_fetches_nothing_where_code_is_a_folder(tmp_path: Path) -> None:
    package = tmp_path / "training_code" / "launcher"
    package.mkdir(parents=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").touch()
    (package / "kubernetes.py").write_text("import os; print(os.getcwd())")
    finished = subprocess.run([sys.executable, *pods.command("CODE")[1:]], env={"CODE": str(tmp_path)},
                              capture_output=True, text=True, check=True)  # fmt: skip
    assert finished.stdout.strip() == str(tmp_path)
