"""The scripts on nodes whose real slurmctld and slurmd run already, as after HyperPod's own part (OnInitComplete)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cluster_nodes import SCRIPTS, configuration, make, put, resources

from cluster_code import LIFECYCLE
from constructs_lib.observability.exporters import SLURM
from ml_contract.clusters import places
from ml_contract.clusters.nodes import NodeType
from ml_contract.clusters.software import Slurm
from ml_contract.prometheus import FOLDER
from trainyard.local.clusters.bridge import Bridge
from trainyard.local.clusters.node import Node, available
from trainyard.local.clusters.site import IMAGE
from trainyard.local.clusters.slurm import SlurmCluster
from trainyard.local.clusters.slurm_configuration import SlurmNode, Timing
from trainyard.local.clusters.slurm_packages import default_folder, missing

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

GROUPS: dict[str, NodeType] = {"controller": "controller", "workers": "compute"}
ADDRESSES = {name: f"10.199.8.{10 + number}" for number, name in enumerate(GROUPS)}
ENTER = f"PAM_USER=%s {places.INSTALLED}/only_with_job.sh"


class Cluster:
    """A controller and a worker."""

    def __init__(self, folder: Path) -> None:
        layer = default_folder()
        self.bridge = Bridge(folder / "hosts", "10.199.8.0/24")
        self.fsx = folder / "fsx"
        self.fsx.mkdir()
        self.slurm = SlurmCluster("here", layer=layer, timing=Timing())
        self.nodes = {
            name: Node(name=name, folder=folder / name, address=address, bridge=self.bridge, layers=(IMAGE, layer),
                       shared={"/fsx": self.fsx})
            for name, address in ADDRESSES.items()
        }  # fmt: skip
        told = configuration(GROUPS, Slurm(daemons="started-before", logins="with-job"))
        for node in self.nodes.values():
            node.start()
            put(node, told, resources(ADDRESSES))
        kinds = [SlurmNode(name=name, address=ADDRESSES[name], type=kind, cpus=2) for name, kind in GROUPS.items()]
        self.slurm.configure([(kind, self.nodes[kind.name]) for kind in kinds])
        for name in GROUPS:
            self.slurm.start(name)

    def state(self) -> str:
        return self.slurm.command(["sinfo", "-N", "-h", "-o", "%T %E"]).strip()

    def close(self) -> None:
        for node in self.nodes.values():
            node.close()
        self.bridge.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if reason := available() or missing(default_folder()):
        pytest.skip(reason)
    found = Cluster(tmp_path_factory.mktemp("slurm"))
    yield found
    found.close()


@pytest.fixture(scope="module")
def made(cluster: Cluster) -> Cluster:
    """Both nodes are ready, and the worker's slurmd has nothing but what the controller sends it."""
    for node in cluster.nodes.values():
        code, lines = make(node)
        assert code == 0, "\n".join(lines)
    assert not cluster.nodes["workers"].path("/opt/slurm/etc/slurm.conf").exists()
    until(lambda: cluster.state().startswith("idle"))
    return cluster


def test_a_worker_that_is_not_ready_gets_no_job(cluster: Cluster) -> None:
    worker = cluster.nodes["workers"]
    until(lambda: cluster.state().startswith("idle"))
    worker.path(f"{SCRIPTS}/steps/harden.sh").write_text('run() { die "no sshd"; }\n')
    code, lines = make(worker)
    assert (code, lines[-1]) == (65, "lifecycle: step harden failed after 1 try: no sshd")
    assert cluster.state() == "drained trainyard: lifecycle"
    worker.path(f"{SCRIPTS}/steps/harden.sh").write_bytes((LIFECYCLE / "steps/harden.sh").read_bytes())
    assert make(worker)[0] == 0
    until(lambda: cluster.state().startswith("idle"))


def test_the_hooks_come_along_with_the_configuration_of_the_controller(made: Cluster) -> None:
    worker = made.nodes["workers"]
    assert "include trainyard.conf" in worker.path("/var/spool/slurmd/conf-cache/slurm.conf").read_text()
    hooks = worker.path("/var/spool/slurmd/conf-cache/trainyard.conf").read_text()
    assert f"Prolog={places.INSTALLED}/hooks/prolog.sh" in hooks.splitlines()


def test_figures_of_slurm_are_what_its_commands_say(made: Cluster) -> None:
    asleep = ["sbatch", "--parsable", "--exclusive", "--uid=2001", "--output=/dev/null", "--wrap=sleep 60"]
    sleepers = [made.slurm.command(asleep) for _ in range(2)]
    until(lambda: sorted(made.slurm.command(["squeue", "-h", "-o", "%t"]).split()) == ["PD", "R"])
    program = f"{SCRIPTS}/files/slurm_figures.py"
    said: list[str] = []
    code = made.nodes["controller"].run(["python3", "-I", "-S", program, "/fsx/slurm.prom"], log=said.append)
    made.slurm.command(["scancel", *(job.strip() for job in sleepers)])
    until(lambda: made.state().startswith("idle"))
    assert code == 0, said
    text = (made.fsx / "slurm.prom").read_text()
    found = dict(re.findall(r"^(\w+)(?:\{[^}]*\})? (\S+)$", text, re.MULTILINE))
    assert found["slurm_nodes_alloc"] == found["slurm_queue_running"] == "1"
    assert found["slurm_nodes_idle"] == found["slurm_nodes_down"] == found["slurm_gpus_total"] == "0"
    assert found["slurm_partition_cpus_allocated"] == found["slurm_partition_cpus_total"] == "2"
    assert re.search(r'^slurm_queue_pending\{partition="\w+",reason="(Resources|Priority)"\} 1$', text, re.MULTILINE)
    assert set(found) >= SLURM.metrics
    assert int(found["slurm_scheduler_mean_cycle"]) > 0


def test_users_enter_while_their_job_runs(made: Cluster) -> None:
    worker = made.nodes["workers"]
    job = made.slurm.command(["sbatch", "--parsable", "--uid=2001", "--output=/dev/null", "--wrap=sleep 60"]).strip()
    until(lambda: made.slurm.command(["squeue", "-h", "-j", job, "-o", "%T"]).strip() == "RUNNING")
    entered = {user: worker.run(["bash", "-c", ENTER % user]) for user in ("alice", "bob", "root")}
    made.slurm.command(["scancel", job])
    assert entered == {"alice": 0, "bob": 1, "root": 0}
    until(lambda: made.state().startswith("idle"))
    assert worker.run(["bash", "-c", ENTER % "alice"]) == 1


def test_figures_of_a_job_go_when_it_goes(made: Cluster) -> None:
    worker = made.nodes["workers"]
    worker.run(["mkdir", "-m", "1777", "-p", FOLDER])
    figures, others, adapters = (
        worker.path(f"{FOLDER}/{name}") for name in ("trainyard-slurm-9.prom", "trainyard-others.prom", "efa.prom")
    )
    others.touch()
    adapters.touch()
    writes = f"touch {FOLDER}/{figures.name}; sleep 60"
    job = made.slurm.command(["sbatch", "--parsable", "--uid=2001", "--output=/dev/null", f"--wrap={writes}"]).strip()
    until(figures.exists)
    made.slurm.command(["scancel", "--signal=KILL", job])
    until(lambda: not figures.exists())
    until(lambda: made.state().startswith("idle"))
    assert others.exists()
    assert adapters.exists()


def test_a_worker_that_has_lost_its_file_system_sends_the_job_away(made: Cluster) -> None:
    worker = made.nodes["workers"]
    settings = worker.path(f"{places.INSTALLED}/hooks/settings")
    settings.write_text("MOUNTS=(/nowhere)\nSCRATCH=''\n")
    job = made.slurm.command(["sbatch", "--parsable", "--uid=2001", "--output=/fsx/ran", "--wrap=hostname"]).strip()
    until(lambda: made.state().startswith("drained Prolog error"))
    assert made.slurm.command(["squeue", "-h", "-j", job, "-o", "%T"]).strip() == "PENDING"
    assert not (made.fsx / "ran").exists()


def until(true: Callable[[], bool], seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)
