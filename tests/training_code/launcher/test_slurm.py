"""Slurm's environment becomes SageMaker's files, and the launcher reads them as it reads SageMaker's."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from training_harness import tiny_run

from ml_contract.clusters import jobs
from ml_contract.errors import ContractError
from ml_contract.exit_codes import ExitCode
from ml_contract.hyperparameters import encode
from ml_contract.paths import ContainerPaths
from training_code.launcher import slurm
from training_code.launcher.job import Job


@pytest.mark.parametrize(
    ("nodes", "names"),
    [
        ("login", ["login"]),
        ("ip-10-0-0-[9-11],spare", ["ip-10-0-0-9", "ip-10-0-0-10", "ip-10-0-0-11", "spare"]),
        ("n[08-10,3]", ["n08", "n09", "n10", "n3"]),
        ("r[0-1]n[2-3]x", ["r0n2x", "r0n3x", "r1n2x", "r1n3x"]),
    ],
)
def test_a_list_of_nodes_is_expanded_as_scontrol_does(nodes: str, names: list[str]) -> None:
    assert slurm.expand(nodes) == names


@given(st.lists(st.integers(0, 10**4), min_size=1, unique=True), st.integers(1, 6))
@pytest.mark.slow
def test_no_node_of_a_list_is_lost(numbers: list[int], width: int) -> None:
    texts = [f"{number:0{width}d}" for number in numbers]
    assert slurm.expand(f"node-[{','.join(texts)}]") == [f"node-{text}" for text in texts]


@pytest.mark.parametrize("nodes", ["", "n[1-2", "n[a]", "a,,b", "n[1-]x]"])
def test_what_is_no_list_of_nodes_is_refused(nodes: str) -> None:
    with pytest.raises(ContractError, match=r"SLURM_STEP_NODELIST: got .* Start this with srun\."):
        slurm.expand(nodes)


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "run.json").write_text(json.dumps(encode(tiny_run())))
    return [
        "--hyperparameters", str(tmp_path / "run.json"), "--instance-type", "ml.m5.large", "--kept",
        str(tmp_path / "kept"), "--channel", f"train={data}",
    ]  # fmt: skip


@pytest.fixture
def environment() -> dict[str, str]:
    return {
        "SLURM_STEP_NODELIST": "127.0.0.[1-2]", "SLURMD_NODENAME": "127.0.0.2", "SLURM_JOB_ID": "7",
        jobs.CHECKPOINTS: "file:///fsx/checkpoints/",
    }  # fmt: skip


def prepared(arguments: list[str], environment: dict[str, str]) -> tuple[ContainerPaths, dict[str, str]]:
    made = slurm.prepare(slurm.parser().parse_args(arguments), environment)
    return ContainerPaths.from_environment(made), made


def test_the_launcher_finds_a_job_of_sagemaker(arguments: list[str], environment: dict[str, str]) -> None:
    paths, made = prepared(arguments, environment)
    found = Job.read(paths)
    assert (found.resources.rank, found.resources.leader) == (1, "127.0.0.1")
    assert found.resources.network_interface_name == "lo"
    assert found.run == tiny_run(checkpoint_uri="file:///fsx/checkpoints/7")
    assert made["SLURM_JOB_ID"] == "7"


def test_a_stay_starts_clean_and_keeps_what_outlives_it(arguments: list[str], environment: dict[str, str]) -> None:
    paths, _ = prepared(arguments, environment)
    paths.failure.write_text("of the stay before")
    (paths.model / "weights").write_text("kept")
    again, _ = prepared(arguments, environment)
    assert again == paths
    assert not paths.failure.exists()
    assert (paths.model / "weights").read_text() == "kept"
    # Of all nodes the same.
    other, _ = prepared(arguments, environment | {"SLURMD_NODENAME": "127.0.0.1"})
    assert other.base != paths.base
    assert (other.model / "weights").read_text() == "kept"


def test_an_earlier_submission_can_be_named(arguments: list[str], environment: dict[str, str]) -> None:
    paths, _ = prepared(arguments, environment | {jobs.RUN: "5", jobs.STREAM: "s3://data/text"})
    found = json.loads(paths.hyperparameters.read_text())
    assert found["checkpoint_uri"] == "file:///fsx/checkpoints/5"
    assert json.loads(found["loading"])["stream_uri"] == "s3://data/text"


@pytest.mark.parametrize(
    ("lost", "way_out"),
    [("SLURM_STEP_NODELIST", "srun"), ("SLURMD_NODENAME", "srun"), (jobs.CHECKPOINTS, "trainyard cluster submit")],
)
def test_a_variable_that_is_missing_is_named(
    arguments: list[str], environment: dict[str, str], lost: str, way_out: str
) -> None:
    del environment[lost]
    with pytest.raises(ContractError, match=f"^{lost}: .*{way_out}"):
        prepared(arguments, environment)


def test_a_full_disk_is_said_before_anything_starts(arguments: list[str], environment: dict[str, str]) -> None:
    with pytest.raises(ContractError, match=r"volume_gib: got 1000000, but .* GiB free"):
        prepared([*arguments, "--free-gib", "1000000"], environment)


def test_a_channel_without_a_folder_is_said_in_one_line(arguments: list[str], environment: dict[str, str]) -> None:
    arguments[-1] = "train=/nonesuch"
    ended = subprocess.run(
        [sys.executable, "-m", "training_code.launcher.slurm", *arguments], env=environment, capture_output=True,
        text=True, check=False, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert ended.returncode == ExitCode.CONTRACT_BROKEN
    assert ended.stderr == (
        "launcher: channel train: got '/nonesuch', but the folder does not exist on this node. "
        "Mount its file system, or correct the job's data.\n"
    )
