"""A model's container: its archive unpacked as /opt/ml/model, and the model server in it, reachable on loopback."""

import os
import shutil
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ml_contract.archive import unpack
from trainyard.local.hosting import loopback, memory
from trainyard.local.hosting.connections import Connections
from trainyard.local.hosting.engines import check_engines
from trainyard.local.hosting.exchange import Question, Reply, Serving, StreamedReply, refusal, timed_out
from trainyard.local.hosting.json_body import BodyError
from trainyard.local.hosting.servers import Command, Server, Variables, server_of
from trainyard.local.hosting.triton import METRICS_PORT, METRICS_PORT_VARIABLE, PORT
from trainyard.local.jobs.hosts import BASE, Isolation, NamespaceHosts, hosts
from trainyard.local.namespaces.process import Listener

Line = Callable[[str], None]
Ended = Callable[[], None]

_TERM_SECONDS = 10.0
_DEAD_STUB = b"is not healthy."


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """What every container of a variant has in common."""

    archive: Path | None
    """The model's model.tar.gz, or a folder of its files; None when the container starts without a model."""
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
    hostname: str = "primary"
    """What the container is called in messages, logs and metrics."""
    memory: int | None = None
    """Bytes that the container has; None for no limit."""
    instance_type: str = ""
    """What it runs on; empty for capacity on demand."""
    image: str = ""
    """URI of the image that the environment stands for."""

    def open(self, root: Path, line: Line, ended: Ended) -> Serving:
        """Starts a container; see `Container`."""
        return Container(self, root, line, ended=ended)


class Container:
    """One container. Make and close it on the same thread: the kernel ends its processes with that thread."""

    def __init__(self, blueprint: Blueprint, root: Path, line: Line, *, ended: Ended) -> None:
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
        self.end = ""
        self._told, self._line, self._blueprint = ended, line, blueprint
        self._server = server_of(blueprint.environment, blueprint.derived)
        self._hosts = hosts(blueprint.isolation, root, 1, blueprint.endpoint_url)
        self._hosts.shared_memory = memory.shared(blueprint.memory)
        self.connections = Connections(self._dial)
        try:
            variables = {**blueprint.variables, **self._hosts.variables(0)}
            self._port, self._metrics_port = PORT, METRICS_PORT
            if not isinstance(self._hosts, NamespaceHosts):
                variables["LD_PRELOAD"] = str(loopback.library(blueprint.derived))
                self._port = _free_port()
                variables["SAGEMAKER_BIND_TO_PORT"] = str(self._port)
                self._metrics_port = _free_port()
                variables[METRICS_PORT_VARIABLE] = str(self._metrics_port)
            command, variables = self._prepare(self._server, variables)
            listener = Listener(line=lambda _, text: line(text), exit=self._exited, broken=self._broke)
            self._hosts.start(command, [variables], listener, None)
        except BaseException:
            self.close()
            raise

    def path(self, name: str) -> tuple[Path, str]:
        """A path below /opt/ml: where it really is, and how the container spells it."""
        inside = str(BASE / name)
        return self._hosts.inside(0, inside), self._hosts.seen(0, inside)

    def ping(self, seconds: float = 2.0) -> bool:
        """Whether the server says that it is healthy: GET /ping answers 200."""
        try:
            return self.connections.request("GET", "/ping", seconds=seconds).status == 200
        except OSError:
            return False

    def ask(self, question: Question) -> Reply:
        """Sends a question to /invocations; what the server could not read, or did not answer, is a reply too."""
        return self._refuse(question) or self._post("/invocations", question)

    def stream(self, question: Question) -> StreamedReply:
        """Sends a question to /invocations and gives the answer as it comes."""
        name = self._blueprint.hostname
        refused = self._refuse(question)
        if refused is None:
            try:
                found = self.connections.stream(
                    "POST", "/invocations", body=question.body, headers=question.headers, seconds=question.seconds
                )
                return replace(found, container=name)
            except TimeoutError:
                refused = timed_out(name, question.seconds)
            except OSError as error:
                refused = refusal(500, f"the model server closed the connection: {error}", container=name)
        return StreamedReply(
            status=refused.status, headers=refused.headers, parts=iter([refused.body]), container=name
        )  # fmt: skip

    def holds(self, _target_model: str, /) -> bool:
        """Whether one of many models is there: its own always is."""
        return True

    def overdrawn(self) -> str:
        """Why the container takes more memory than it has; empty when it does not."""
        limit = self._blueprint.memory
        if limit is None:
            return ""
        taken = memory.resident(self._hosts.pids(0))
        if taken <= limit:
            return ""
        return f"the container took {taken // memory.MIB} MiB of memory, but it has {limit // memory.MIB} MiB"

    def metrics(self, seconds: float = 2.0) -> str:
        """The server's own metrics in Prometheus' text format; empty where it tells none."""
        told = Connections(lambda: self._hosts.connect(0, self._metrics_port))
        try:
            found = told.request("GET", "/metrics", seconds=seconds)
            return found.body.decode(errors="replace") if found.status == 200 else ""
        except OSError:
            return ""
        finally:
            told.close()

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

    def _prepare(self, server: Server, variables: Variables) -> tuple[Command, Variables]:
        """Lays the model out; the command and environment that serve it."""
        repository, inside = self.path("model")
        archive = self._blueprint.archive
        if archive is not None and archive.is_dir():
            # Links: a large model's files are there once, whatever the number of instances.
            shutil.copytree(archive, repository, copy_function=os.link)
        elif archive is not None:
            unpack(archive, repository)
        check_engines(repository, self._blueprint.instance_type, self._blueprint.image)
        return server.single(repository, inside, variables)

    def _post(self, path: str, question: Question) -> Reply:
        name = self._blueprint.hostname
        try:
            reply = self.connections.request(
                "POST", path, body=question.body, headers=question.headers, seconds=question.seconds
            )
        except TimeoutError:
            return timed_out(name, question.seconds)
        except OSError as error:
            return refusal(500, f"the model server closed the connection: {error}", container=name)
        if reply.status >= 400 and _DEAD_STUB in reply.body:
            # The server answers health checks, but it never starts the process of a model again, nor does it unload
            # such a model: it waits for its process.
            told = reply.body[:500].decode(errors="replace")
            return replace(reply, container=name, fatal=f"the model's process ended: {told}")
        return replace(reply, container=name) if name != "primary" else reply

    def _refuse(self, question: Question) -> Reply | None:
        try:
            self._server.check(question.body, question.content_type)
        except BodyError as error:
            # As newer servers answer; this one may not survive the body.
            return refusal(400, str(error), container=self._blueprint.hostname)
        return None

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
