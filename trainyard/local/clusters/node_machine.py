"""A node of namespaces as a cluster's machine."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from trainyard.local.clusters.machines import MachineError, Overtime
from trainyard.local.clusters.node import Node


class NodeMachine:
    """A node of `trainyard.local.clusters.node` as a cluster's machine."""

    def __init__(self, node: Node) -> None:
        """Wraps a node that is up."""
        self._node = node

    @property
    def alive(self) -> bool:
        return self._node.alive

    def put(self, files: Mapping[str, bytes]) -> None:
        for name, content in files.items():
            path = self._node.path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def place(self, folder: Path, path: str) -> None:
        target = self._node.path(path)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target)

    def run(self, command: Sequence[str], seconds: float, line: Callable[[str], None]) -> int:
        try:
            return self._node.run(command, timeout=seconds, log=line)
        except TimeoutError as error:
            raise Overtime(str(error)) from error
        except OSError as error:
            raise MachineError(str(error)) from error

    def kill(self) -> None:
        self._node.kill()
