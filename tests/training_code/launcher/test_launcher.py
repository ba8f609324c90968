"""The launcher as the platform starts it; in place of torch stands a package that notes how it was called."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from training_harness import ROOT, container, tiny_run
from training_processes import LIMIT_S

from ml_contract.exit_codes import ExitCode

FAKE_RUN = """
import argparse, json, os, signal, sys

def get_args_parser():
    parser = argparse.ArgumentParser()
    if not os.environ.get("OLD_TORCH"):
        parser.add_argument("--shutdown-timeout")
    for name in ("--nnodes", "--node-rank", "--nproc-per-node", "--master-addr", "--master-port", "--max-restarts"):
        parser.add_argument(name)
    parser.add_argument("-m", dest="module", action="store_true")
    parser.add_argument("script")
    parser.add_argument("rest", nargs="*")
    return parser

def run(arguments):
    blocked = signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    with open(os.environ["CALLED"], "w") as stream:
        json.dump({"arguments": vars(arguments), "environment": dict(os.environ), "pid": os.getpid(),
                   "blocked": blocked}, stream)
"""
SLOW_IMPORT = "import time, pathlib, os; pathlib.Path(os.environ['CALLED'] + '.importing').touch(); time.sleep(600)"


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    """A folder whose torch only notes; every other module that the workload needs is empty."""
    files = {
        "torch/__init__.py": "", "torch/distributed/__init__.py": "TCPStore = None",
        "torch/distributed/run.py": FAKE_RUN,
        "torch/distributed/elastic/__init__.py": "", "torch/distributed/elastic/multiprocessing/__init__.py": "",
        "torch/distributed/elastic/multiprocessing/api.py": "class SignalException(Exception): pass",
        "torch/distributed/elastic/multiprocessing/errors.py": "class ChildFailedError(Exception): pass",
        "torch/distributed/elastic/rendezvous/__init__.py": "",
        "torch/distributed/elastic/rendezvous/static_tcp_rendezvous.py": "TCPStore = None",
    }  # fmt: skip
    for name, text in files.items():
        path = tmp_path / "fake" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "fake"


def environment(base: Path, fake: Path, **more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {
        **kept,
        "SAGEMAKER_BASE_DIR": str(base),
        "PYTHONPATH": f"{fake}:{ROOT}",
        "CALLED": str(fake / "called"),
        **more,
    }


def launch(base: Path, fake: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "training_code.launcher"], cwd=ROOT, env=environment(base, fake, **more),
        capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip


def called(fake: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((fake / "called").read_text())
    return found


def test_torchrun_is_told_the_layout_and_the_variables(tmp_path: Path, fake: Path) -> None:
    hosts = ("algo-1", "algo-2", "algo-3")
    paths = container(
        tmp_path / "ml", tiny_run(global_batch_size=24), hosts=hosts, rank=1, instance_type="ml.p4d.24xlarge"
    )
    finished = launch(paths.base, fake, NCCL_DEBUG="INFO", GLOO_SOCKET_IFNAME="eth7")
    assert finished.returncode == ExitCode.SUCCESS, finished.stderr
    found = called(fake)
    assert found["arguments"] == {
        "nnodes": "3", "node_rank": "1", "nproc_per_node": "8", "master_addr": "algo-1", "master_port": "7777",
        "max_restarts": "0", "shutdown_timeout": "110", "module": True, "script": "training_code.train", "rest": [],
    }  # fmt: skip
    expected = {
        "FI_PROVIDER": "efa", "FI_EFA_USE_DEVICE_RDMA": "1", "NCCL_SOCKET_IFNAME": "lo", "GLOO_SOCKET_IFNAME": "eth7",
        "NCCL_DEBUG": "INFO",
    }  # fmt: skip
    assert expected.items() <= dict(found["environment"]).items()
    assert int(found["environment"]["OMP_NUM_THREADS"]) >= 1
    assert not found["blocked"]


def test_it_becomes_torchrun_in_the_same_process(tmp_path: Path, fake: Path) -> None:
    paths = container(tmp_path / "ml", tiny_run())
    with subprocess.Popen(
        [sys.executable, "-m", "training_code.launcher"], cwd=ROOT, env=environment(paths.base, fake),
        stdout=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.wait(LIMIT_S) == 0
    assert called(fake)["pid"] == process.pid


def test_a_torch_without_shutdown_timeout_is_not_given_it(tmp_path: Path, fake: Path) -> None:
    paths = container(tmp_path / "ml", tiny_run())
    finished = launch(paths.base, fake, OLD_TORCH="1")
    assert finished.returncode == 0, finished.stderr
    assert "shutdown_timeout" not in dict(called(fake)["arguments"])
    assert "no --shutdown-timeout" in finished.stdout


def test_a_job_names_its_own_port(tmp_path: Path, fake: Path) -> None:
    paths = container(tmp_path / "ml", tiny_run())
    launch(paths.base, fake, MASTER_PORT="4670")
    assert dict(called(fake)["arguments"])["master_port"] == "4670"


def test_a_broken_contract_is_one_line_a_failure_file_and_its_own_code(tmp_path: Path, fake: Path) -> None:
    paths = container(tmp_path / "ml", {"learning_rat": "0.1"})
    finished = launch(paths.base, fake)
    assert finished.returncode == ExitCode.CONTRACT_BROKEN
    assert finished.stderr.count("\n") == 1
    assert "learning_rat: got 0.1, but TrainingRun has no such field" in finished.stderr
    assert paths.failure.read_text().startswith("learning_rat: got 0.1")
    assert not (fake / "called").exists()


def test_an_image_without_a_module_has_its_own_code(tmp_path: Path, fake: Path) -> None:
    (fake / "sitecustomize.py").write_text(
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'onnxscript' else find(name, *rest)\n"
    )
    paths = container(tmp_path / "ml", tiny_run())
    finished = launch(paths.base, fake)
    assert finished.returncode == ExitCode.IMAGE_LACKS_MODULE
    assert "['onnxscript']" in finished.stderr
    assert "['onnxscript']" in paths.failure.read_text()


def test_the_reason_of_the_attempt_before_does_not_outlive_it(tmp_path: Path, fake: Path) -> None:
    paths = container(tmp_path / "ml", tiny_run())
    paths.failure.parent.mkdir(parents=True)
    paths.failure.write_text("old reason")
    assert launch(paths.base, fake).returncode == 0
    assert not paths.failure.exists()


def test_sigterm_while_torch_is_still_importing_is_not_lost(tmp_path: Path, fake: Path) -> None:
    (fake / "torch/distributed/run.py").write_text(SLOW_IMPORT)
    paths = container(tmp_path / "ml", tiny_run())
    with subprocess.Popen(
        [sys.executable, "-m", "training_code.launcher"], cwd=ROOT, env=environment(paths.base, fake),
        stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + LIMIT_S
        while not (fake / "called.importing").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        assert process.wait(LIMIT_S) == ExitCode.INTERRUPTED
        assert "stopped before training started" in process.stdout.read()
