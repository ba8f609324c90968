"""torchrun's ends become the contract's exit codes, each with its reason; workers here are scripts without torch."""

import os
import signal
import time
from pathlib import Path

import pytest
from ports import free_port
from training_processes import LIMIT_S, Processes
from training_ranks import spawn

from ml_contract.exit_codes import ExitCode
from ml_contract.paths import ContainerPaths
from training_code.launcher import torchrun

pytestmark = pytest.mark.slow  # torchrun imports torch

SAVING = """
import signal, sys, time
stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
print("ready", flush=True)
while not stop: time.sleep(0.01)
time.sleep(0.1)
print("saved", flush=True)
sys.exit(143)
"""


def start(folder: Path, script: str) -> Processes:
    (folder / "worker.py").write_text(script)
    arguments = ["--nnodes", "1", "--node-rank", "0", "--nproc-per-node", "1", "--max-restarts", "0", "--master-addr",
                 "127.0.0.1", "--master-port", str(free_port()), str(folder / "worker.py")]  # fmt: skip
    log = folder / "log"
    process = spawn(torchrun.main, {"SAGEMAKER_BASE_DIR": str(folder), "OMP_NUM_THREADS": "1"}, log, arguments)
    return Processes([process], [log], paths=[ContainerPaths(base=folder)])


def wait_for(run: Processes, text: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while text not in run.log():
        assert time.monotonic() < deadline, run.log()
        time.sleep(0.02)


def test_success_leaves_no_reason(tmp_path: Path) -> None:
    run = start(tmp_path, "print('worked')")
    assert run.codes() == [ExitCode.SUCCESS]
    assert not run.paths[0].failure.exists()


@pytest.mark.parametrize(
    ("script", "code", "reason"),
    [
        ("raise RuntimeError", ExitCode.TRAINING_FAILED, "rank 0 ended with exit code 1: see the log"),
        ("import sys; sys.exit(2)", ExitCode.CONTRACT_BROKEN, "rank 0 ended with exit code 2: see the log"),
        ("import sys; sys.exit(77)", ExitCode.TRAINING_FAILED, "rank 0 ended with exit code 77: see the log"),
        (
            "import os; os.kill(os.getpid(), 9)", ExitCode.TRAINING_FAILED,
            "rank 0 was ended by SIGKILL, as the kernel does when memory runs out",
        ),
        ("import os; os.abort()", ExitCode.TRAINING_FAILED, "rank 0 was ended by SIGABRT"),
    ],
)  # fmt: skip
def test_a_failure_has_a_code_and_a_reason(tmp_path: Path, script: str, code: int, reason: str) -> None:
    run = start(tmp_path, script)
    assert run.codes() == [code]
    assert run.paths[0].failure.read_text() == reason
    assert f"launcher: failed: {reason}" in run.log()


def test_the_workers_own_reason_stands(tmp_path: Path) -> None:
    path = tmp_path / "output" / "failure"
    path.parent.mkdir()
    run = start(tmp_path, f"open({str(path)!r}, 'x').write('the cause'); raise SystemExit(1)")
    assert run.codes() == [ExitCode.TRAINING_FAILED]
    assert path.read_text() == "the cause"


def test_sigterm_lets_the_worker_save_and_ends_as_interrupted(tmp_path: Path) -> None:
    run = start(tmp_path, SAVING)
    wait_for(run, "ready")
    os.kill(run.processes[0].pid, signal.SIGTERM)
    assert run.codes() == [ExitCode.INTERRUPTED]
    assert "saved" in run.log()
    assert "Traceback" not in run.log()
    assert not run.paths[0].failure.exists()


def test_a_worker_that_another_host_stopped_is_interrupted_too(tmp_path: Path) -> None:
    assert start(tmp_path, "import sys; sys.exit(143)").codes() == [ExitCode.INTERRUPTED]


def test_a_save_that_fails_after_sigterm_is_a_failure(tmp_path: Path) -> None:
    failing = SAVING.replace(
        'print("saved", flush=True)', f"open({str(tmp_path / 'output/failure')!r}, 'x').write('full')"
    )
    (tmp_path / "output").mkdir()
    run = start(tmp_path, failing)
    wait_for(run, "ready")
    os.kill(run.processes[0].pid, signal.SIGTERM)
    assert run.codes() == [ExitCode.TRAINING_FAILED]


def test_nothing_listens_beyond_the_interface_of_the_host(tmp_path: Path) -> None:
    run = start(tmp_path, SAVING)
    wait_for(run, "ready")
    found = listening(run.processes[0].pid)
    os.kill(run.processes[0].pid, signal.SIGTERM)
    run.codes()
    assert found == ["0100007F"], "127.0.0.1 in the kernel's notation"


def listening(pid: int) -> list[str]:
    """Addresses that a process listens on, as /proc/net/tcp writes them."""
    sockets = {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}
    rows = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()
    ]
    return [row[1].split(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets]
