"""A cluster of namespaces with a real Slurm, and a small training job on it: for the benchmark and the tests."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from constructs_lib.hyperpod.jobs.places import FolderChannel, FolderCode, SharedCheckpoints
from constructs_lib.hyperpod.jobs.runtimes import VirtualEnvironment
from constructs_lib.hyperpod.jobs.slurm import SlurmJob
from constructs_lib.training import TrainingResources
from ml_contract import metrics
from ml_contract.clusters import jobs
from ml_contract.clusters.nodes import NodeType
from ml_contract.training.optimization import AdamW, Cosine
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Ddp
from ml_contract.training.surroundings import Checkpointing
from ml_contract.workloads import BytesLm
from training_code.data.tokens import TokenWriter
from trainyard.local.clusters.bridge import Bridge
from trainyard.local.clusters.node import Node, available
from trainyard.local.clusters.slurm import SlurmCluster
from trainyard.local.clusters.slurm_configuration import SlurmNode, Timing
from trainyard.local.clusters.slurm_packages import default_folder, missing

ROOT = Path(__file__).parents[1]
NODES: dict[str, NodeType] = {
    "controller": "controller", "login": "login", "worker-1": "compute", "worker-2": "compute",
}  # fmt: skip
POLL_SECONDS = 0.1


def obstacle() -> str:
    """Why there is no such cluster here; empty when there is."""
    return available() or missing(default_folder())


def job(name: str, *, steps: int, checkpoint_steps: int) -> SlurmJob:
    """Two nodes of a CPU type, and a model whose step takes some tens of milliseconds."""
    run = TrainingRun(
        workload=BytesLm(dimension=64, layers=2, heads=2, sequence_length=128), strategy=Ddp(),
        optimizer=AdamW(learning_rate=6e-3), schedule=Cosine(warmup_steps=2), global_batch_size=8, steps=steps,
        checkpointing=Checkpointing(every_steps=checkpoint_steps, every_seconds=420),
    )  # fmt: skip
    return SlurmJob(
        name=name, run=run, code=FolderCode(path=str(ROOT)), runtime=VirtualEnvironment(path=sys.prefix),
        resources=TrainingResources(instance_type="ml.m5.large", instance_count=2, volume_gib=1, efa=False),
        data=(FolderChannel(name="train", path="/fsx/data"),), checkpoints=SharedCheckpoints(path="/fsx/checkpoints"),
        output="/fsx/runs", time_limit_minutes=10,
    )  # fmt: skip


class Cluster:
    """Controller, login node and two workers, which share /fsx."""

    def __init__(self, folder: Path, timing: Timing) -> None:
        """Start it.

        Args:
            folder: For the nodes' disks and what they share; removed at the end.
            timing: How soon Slurm acts.
        """
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.folder, self.fsx = folder, folder / "fsx"
        for name in ("data", "runs", "checkpoints"):
            (self.fsx / name).mkdir(parents=True)
        writer = TokenWriter(self.fsx / "data", dtype="uint8", shard_tokens=4096)
        writer.write(b"".join(b"def f%d(x): return x + %d\n" % (n, n * n) for n in range(1000)))
        writer.close({"name": "text"})
        layer = default_folder()
        self.bridge = Bridge(folder / "hosts", "10.66.0.0/16")
        self.slurm = SlurmCluster("small", layer=layer, timing=timing)
        self.nodes: dict[str, Node] = {}
        described = []
        for number, (name, kind) in enumerate(NODES.items(), start=1):
            address = f"10.66.0.{number}"
            self.nodes[name] = Node(
                name=name, folder=folder / name, address=address, bridge=self.bridge, shared={"/fsx": self.fsx},
                layers=[layer],
            )  # fmt: skip
            described.append(SlurmNode(name=name, address=address, type=kind, cpus=2))
        try:
            for node in self.nodes.values():
                node.start()
            self.slurm.configure([(one, self.nodes[one.name]) for one in described])
            for name in self.nodes:
                self.slurm.start(name)
            self.wait("two idle workers", lambda: self.states().count("idle") == 2)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Switch everything off."""
        for node in self.nodes.values():
            node.close()
        self.bridge.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def states(self) -> list[str]:
        """What Slurm says of each worker."""
        return self.ask("sinfo", "-N", "-h", "-o", "%T").split()

    def ask(self, *command: str, environment: Mapping[str, str] | None = None) -> str:
        """What a program of Slurm says on the login node."""
        return self.slurm.command(command, node=self.nodes["login"], environment=environment)

    def submit(self, submitted: SlurmJob, **variables: str) -> str:
        """Number of the job, submitted as ``trainyard cluster submit`` does it."""
        script = self.fsx / f"{submitted.name}.sh"
        script.write_text(submitted.text())
        told = {jobs.CODE: submitted.code.place, jobs.CHECKPOINTS: submitted.checkpoints.uri, **variables}
        # Of a node's system Python writes what it compiles on the node's own disk, and finds it again.
        return self.ask("sbatch", "--parsable", f"/fsx/{script.name}", environment=told).strip()

    def state(self, number: str) -> dict[str, str]:
        """What Slurm says of a job, by scontrol's names."""
        words = self.ask("scontrol", "show", "job", number, "-o").split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def log(self, submitted: SlurmJob, number: str) -> str:
        """What a job has written, over all its stays; a line that is being written is left out."""
        path = self.fsx / "runs" / f"{submitted.name}-{number}.log"
        return path.read_text().rpartition("\n")[0] if path.exists() else ""

    def losses(self, submitted: SlurmJob, number: str) -> list[tuple[int, float]]:
        """Steps and losses in the order of the log, bit for bit."""
        return figures(self.log(submitted, number), metrics.LOSS)

    def wait(self, what: str, holds: Callable[[], Any], seconds: float = 60) -> float:
        """Until something holds; seconds since the epoch when it did.

        Raises:
            TimeoutError: It does not.
        """
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: not within {seconds:g} s; {self._known()}")
            time.sleep(POLL_SECONDS)
        return time.time()

    def _known(self) -> str:
        """What is there to be seen of a cluster on which something did not happen: its folder goes with it."""
        try:
            said = f"{self.ask('squeue')}\n{self.ask('sinfo', '-N')}"
        except OSError as error:
            said = str(error)
        logs = [*self.fsx.glob("runs/*.log"), *self.folder.glob("*/upper/var/log/slurm/*.log")]
        ends = (f"{path.relative_to(self.folder)}:\n{path.read_text(errors='replace')[-3000:]}" for path in logs)
        return "\n".join([said, *ends])

    def wait_for_step(self, submitted: SlurmJob, number: str, step: int, seconds: float = 60) -> float:
        """Until a job has logged a step."""
        return self.wait(
            f"step {step} of job {number}",
            lambda: any(done >= step for done, _ in self.losses(submitted, number)), seconds,
        )  # fmt: skip

    def wait_for_new(self, submitted: SlurmJob, number: str, done: int, step: int, seconds: float = 60) -> float:
        """Until a job has logged a step beyond ``step``, after the first ``done`` lines of steps."""
        return self.wait(
            f"a step after {step} of job {number}",
            lambda: any(later > step for later, _ in self.losses(submitted, number)[done:]), seconds,
        )  # fmt: skip

    def wait_for_end(self, number: str, seconds: float = 240) -> dict[str, str]:
        """Until a job has ended; what Slurm says of it then."""
        running = ("PENDING", "RUNNING", "COMPLETING", "REQUEUED", "CONFIGURING")
        self.wait(f"end of job {number}", lambda: self.state(number)["JobState"] not in running, seconds)
        return self.state(number)

    def kill_rank(self, name: str) -> None:
        """SIGKILL to a worker's trainer, and to nothing else there."""
        # Only what torchrun starts is unbuffered.
        if self.nodes[name].run(["pkill", "--signal", "KILL", "--full", "--", "-u -m training_code.train$"]) != 0:
            raise RuntimeError(f"{name}: no trainer runs there")

    def lose(self, *names: str) -> None:
        """Take workers' power, one right after the other."""
        for name in names:
            self.nodes[name].kill()

    def has_given_up(self) -> bool:
        """Whether slurmctld has nothing more to tell any node: it tries to end jobs on lost ones for some seconds."""
        return "Agent count:          0" in self.ask("sdiag")

    def bring_back(self, *names: str, replaced: bool) -> None:
        """Switch workers on again; with ``replaced`` they have empty disks, as other machines of those names."""
        for name in names:
            if replaced:
                self.nodes[name].wipe()
            self.nodes[name].start()
            self.slurm.start(name)

    def kill_scheduler(self) -> None:
        """SIGKILL to slurmctld; its node stays."""
        if self.nodes["controller"].run(["pkill", "--signal", "KILL", "--exact", "slurmctld"]) != 0:
            raise RuntimeError("controller: no slurmctld runs there")

    def restart_scheduler(self) -> None:
        """Start slurmctld again, with what it has on its disk."""
        self.slurm.stop("controller")
        self.slurm.start("controller")


def figures(log: str, metric: metrics.Metric) -> list[tuple[int, float]]:
    """Steps and values of one metric in the order of the log."""
    found = (metrics.parse(line) for line in log.splitlines())
    return [(step, values[metric]) for step, values in filter(None, found) if metric in values]


if __name__ == "__main__":
    sys.exit(obstacle() or os.EX_OK)
