"""A model's container: its archive unpacked as /opt/ml/model, and the model server in it, reachable on loopback."""

import shutil
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ml_contract.archive import unpack
from trainyard.local.hosting import loopback
from trainyard.local.hosting.connections import Connections
from trainyard.local.hosting.triton import DEFAULT_MODEL, PORT, default_model, triton_server
from trainyard.local.jobs.host_process import Listener
from trainyard.local.jobs.hosts import BASE, Isolation, NamespaceHosts, hosts

_TERM_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """What every container of a variant has in common."""

    archive: Path
    """The model's model.tar.gz."""
    environment: Path
    """The Python environment that stands for the image."""
    variables: Mapping[str, str]
    """Environment variables: the image's, the platform's, the model's."""
    derived: Path
    """Folder for what is made once for all containers."""
    endpoint_url: str
    """Where the cloud listens."""
    isolation: Isolation = "auto"
    """`auto` takes namespaces where the user is root, else the loopback library."""


class Container:
    """One container. Make and close it on the same thread: the kernel ends its processes with that thread."""

    def __init__(
        self, blueprint: Blueprint, root: Path, line: Callable[[str], None], *, ended: Callable[[], None]
    ) -> None:
        """Unpacks the model and starts the server; it answers some time later.

        Args:
            blueprint: what runs.
            root: folder of the container, removed by `close`.
            line: told each line of the server's log.
            ended: told when the server is no more.

        Raises:
            ServerError: the server cannot run here, or the archive holds no model for it.
            ContractError: the archive is damaged or would leave its folder.
            OSError: the machine does not allow it.
        """
        self.ended = threading.Event()
        """Set when the server is no more."""
        self.end = ""
        """How it ended."""
        self._told = ended
        server = triton_server(blueprint.environment, blueprint.derived)
        self._hosts = hosts(blueprint.isolation, root, 1, blueprint.endpoint_url)
        self.connections = Connections(self._dial)
        try:
            repository = self._hosts.folder(0) / "model"
            unpack(blueprint.archive, repository)
            variables = {**blueprint.variables, **self._hosts.variables(0), "LD_LIBRARY_PATH": server.library_path}
            variables[DEFAULT_MODEL] = default_model(repository, variables)
            inside = str(BASE / "model") if isinstance(self._hosts, NamespaceHosts) else str(repository)
            self._port = PORT
            if not isinstance(self._hosts, NamespaceHosts):
                variables["LD_PRELOAD"] = str(loopback.library(blueprint.derived))
                self._port = _free_port()
                variables["SAGEMAKER_BIND_TO_PORT"] = str(self._port)
            listener = Listener(line=lambda _, text: line(text), exit=self._exited, broken=self._broke)
            self._hosts.start(server.command(inside, variables), [variables], listener, None)
        except BaseException:
            self.close()
            raise

    def ping(self, seconds: float = 2.0) -> bool:
        """Whether the server says that it is healthy: GET /ping answers 200."""
        try:
            return self.connections.request("GET", "/ping", seconds=seconds).status == 200
        except OSError:
            return False

    def terminate(self) -> None:
        """Asks the server to end and waits a moment: requests that it works on are answered."""
        self._hosts.terminate(0)
        self.ended.wait(_TERM_SECONDS)

    def drain(self) -> None:
        """Waits until the last lines of an ended server have been heard."""
        self._hosts.drain()

    def close(self) -> None:
        """Ends every process of the container and removes its folder."""
        self.connections.close()
        self._hosts.close()
        shutil.rmtree(self._hosts.root, ignore_errors=True)

    def _dial(self) -> socket.socket:
        return self._hosts.connect(0, self._port)

    def _exited(self, _: int, code: int) -> None:
        self._finish(f"the server ended with signal {code - 128}" if code > 128 else f"the server ended with {code}")

    def _broke(self, _: int, text: str) -> None:
        self._finish(f"the container could not run: {text}")

    def _finish(self, how: str) -> None:
        self.end = self.end or how
        self.ended.set()
        self._told()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
