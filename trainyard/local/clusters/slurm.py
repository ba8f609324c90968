"""Slurm on the nodes of a cluster: its configuration and its daemons, by what each node is to it."""

import collections
import secrets
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from trainyard.local.clusters.node import Node
from trainyard.local.clusters.program import Program
from trainyard.local.clusters.slurm_accounting import FILE, Storage, daemon_configuration
from trainyard.local.clusters.slurm_changes import changes, merged
from trainyard.local.clusters.slurm_configuration import CONTROL_GROUPS, SlurmNode, Timing, configuration, devices
from trainyard.local.clusters.slurm_holds import SlurmHolds

CONFIGURATION = "/opt/slurm/etc"
"""Where HyperPod's image has it, in a node."""
_FOLDERS = ("/var/spool/slurmctld", "/var/spool/slurmd", "/var/log/slurm", "/var/log/munge", "/var/lib/munge",
            "/run/munge")  # fmt: skip
PORT = 6817
"""SlurmctldPort's own value."""
_START_SECONDS = 20.0
_POLL_SECONDS = 0.1


class SlurmCluster:
    """MUNGE, slurmctld and slurmd on nodes, as the agents of HyperPod start them.

    The configuration is on the controller alone: slurmd gets it from there, a login node has a copy for its clients.
    """

    def __init__(
        self, name: str, *, layer: Path, timing: Timing, accounting: Callable[[], Storage] | None = None
    ) -> None:
        """Describes the cluster.

        Args:
            name: its name.
            layer: the layer of `slurm_packages`, which every node must have.
            timing: how soon Slurm acts.
            accounting: gives slurmdbd its database, whenever it starts; None for a cluster without.
        """
        self.name = name
        self.timing = timing
        self._accounting = accounting
        self.holds = SlurmHolds(self.command)
        self._written = ""
        self._key = secrets.token_bytes(128)
        self._nodes: dict[str, tuple[SlurmNode, Node]] = {}
        self._daemons: dict[str, list[Program]] = {}
        plugins = next((layer / "usr/lib").glob("*/slurm-wlm"))
        self._plugins = f"/{plugins.relative_to(layer)}"

    @property
    def controller(self) -> Node:
        """The node of slurmctld."""
        return next(node for described, node in self._nodes.values() if described.type == "controller")

    def configure(self, nodes: Sequence[tuple[SlurmNode, Node]], *, keep: bool = True) -> None:
        """Writes the configuration; running daemons read it again.

        Args:
            nodes: all nodes of the cluster.
            keep: whether what others have changed in the controller's slurm.conf stays, an include of theirs too.

        Raises:
            ValueError: there is no controller, or more than one.
        """
        self._nodes = {described.name: (described, node) for described, node in nodes}
        text = configuration(self.name, [described for described, _ in nodes], self.timing, self._plugins,
                             accounting=self._accounting is not None)  # fmt: skip
        if self.controller.alive:
            kept = self.changed() if keep else []
            self._configure_controller(text, kept)
        for described, node in nodes:
            if described.type == "login" and node.alive:
                self._copy(node)
        if self.controller.alive and any(daemon.running for daemon in self._daemons.get(self.controller.name, [])):
            self.command(["scontrol", "reconfigure"])

    def changed(self) -> list[str]:
        """Lines of the controller's slurm.conf that were not written here."""
        path = self.controller.path(f"{CONFIGURATION}/slurm.conf")
        return changes(self._written, path.read_text()) if self._written and path.exists() else []

    def start(self, name: str) -> None:
        """Starts the daemons of a node that has power; those of an earlier time are forgotten.

        Raises:
            OSError: one does not start; its last lines say why.
        """
        described, node = self._nodes[name]
        self._prepare(node)
        # It refuses folders that others than its own user could change.
        self._daemon(node, ["munged", "--foreground"], "/run/munge/munge.socket.2", first=True)
        if described.type == "controller":
            if not node.path(f"{CONFIGURATION}/slurm.conf").exists():
                # Another machine stands in its place, with an empty disk.
                self._configure_controller(self._written, [])
            if self._accounting is not None:
                path = node.path(f"{CONFIGURATION}/{FILE}")
                path.unlink(missing_ok=True)
                path.touch(0o600)
                path.write_text(daemon_configuration(self._accounting(), name, self._plugins))
                self._daemon(node, ["slurmdbd", "-D"], "/run/slurmdbd.pid", check=lambda: self._keeps_account(node))
            # It writes its number before it has read its configuration.
            self._daemon(node, ["slurmctld", "-D"], "/run/slurmctld.pid", check=lambda: self._answers(node))
        if described.type == "login":
            self._copy(node)
        if described.type == "compute":
            source = f"{self.controller.address}:{PORT}"
            self._daemon(node, ["slurmd", "-D", "-N", name, "--conf-server", source], "/run/slurmd.pid",
                         check=lambda: self._registered(name))  # fmt: skip

    def stop(self, name: str) -> None:
        """Stops the daemons of a node in order; its jobs stay, as when a service is restarted."""
        for program in reversed(self._daemons.pop(name, [])):
            program.signal(signal.SIGTERM)
            program.wait(_START_SECONDS)

    def command(
        self, command: Sequence[str], *, node: Node | None = None, environment: Mapping[str, str] | None = None
    ) -> str:
        """Runs a program of Slurm.

        Args:
            command: for example ``["sbatch", "--parsable", "/fsx/job.sh"]``.
            node: where; the controller by default.
            environment: variables besides the node's own.

        Returns:
            What it wrote.

        Raises:
            OSError: it failed; the message is what it wrote.
        """
        lines: list[str] = []
        place = node or self.controller
        code = place.run(command, environment=environment, timeout=_START_SECONDS, log=lines.append)
        text = "\n".join(lines)
        if code != 0:
            raise OSError(f"{command[0]}: exit code {code}: {text}")
        return text

    def _configure_controller(self, text: str, kept: Sequence[str]) -> None:
        described = [described for described, _ in self._nodes.values()]
        files = {"slurm.conf": merged(text, kept), "gres.conf": devices(described), "cgroup.conf": CONTROL_GROUPS}
        for name, content in files.items():
            _put(self.controller.path(f"{CONFIGURATION}/{name}"), content.encode())
        self._written = text

    def _copy(self, node: Node) -> None:
        """Gives a login node what the controller has, files that slurm.conf includes among them."""
        if self.controller.alive:
            for path in self.controller.path(CONFIGURATION).glob("*.conf"):
                _put(node.path(f"{CONFIGURATION}/{path.name}"), path.read_bytes())

    def _prepare(self, node: Node) -> None:
        for folder in _FOLDERS:
            path = node.path(folder)
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(0o755 if folder == "/run/munge" else 0o700)
        # The image's layer lies in a checkout that its group may write to: munged wants no such folder above its key.
        node.path("/etc").chmod(0o755)
        key = node.path("/etc/munge/munge.key")
        key.write_bytes(self._key)
        key.chmod(0o400)

    def _answers(self, controller: Node) -> bool:
        return controller.run(["scontrol", "ping"]) == 0

    def _keeps_account(self, controller: Node) -> bool:
        return controller.run(["sacctmgr", "--noheader", "show", "cluster"]) == 0

    def _registered(self, name: str) -> bool:
        """Whether slurmd has told the controller of itself: a node that is only known may be no more than a name."""
        try:
            state = self.command(["sinfo", "-h", "-N", "-n", name, "-o", "%T"]).split()
        except OSError:
            return False
        return bool(state) and not state[0].startswith(("down", "unknown")) and not state[0].endswith("*")

    def _daemon(
        self, node: Node, command: list[str], mark: str, *, check: Callable[[], bool] | None = None, first: bool = False
    ) -> None:
        programs = self._daemons.setdefault(node.name, [])
        if first:
            programs.clear()
        # A daemon that did not end by itself has left its mark.
        node.path(mark).unlink(missing_ok=True)
        last: collections.deque[str] = collections.deque(maxlen=5)
        program = node.spawn(command, log=last.append)
        programs.append(program)
        deadline = time.monotonic() + _START_SECONDS
        while not (node.path(mark).exists() and (check is None or check())):
            if not program.running or time.monotonic() > deadline:
                program.kill()
                raise OSError(f"{node.name}: {command[0]} did not start: " + " ".join(last))
            time.sleep(_POLL_SECONDS)


def _put(path: Path, content: bytes) -> None:
    """Replaces a file that others may be reading."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.replace(path)
