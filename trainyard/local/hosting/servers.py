"""Which program serves in a container: Triton, or the program `serve` that an image brings.

SageMaker starts an inference container as `docker run IMAGE serve` and talks to it over HTTP ("Use your own inference
code with hosting services", read 2026-11): what answers /ping and /invocations is the image's own affair.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from trainyard.local.hosting.inference_request import check
from trainyard.local.hosting.triton import DEFAULT_MODEL, TritonServer, default_model, triton_server
from trainyard.local.images import SERVE

Command = list[str]
Variables = dict[str, str]


class Server(Protocol):
    """What runs in a container."""

    def single(self, repository: Path, inside: str, variables: Mapping[str, str], /) -> tuple[Command, Variables]:
        """Command line and environment that serve one model.

        Args:
            repository: folder of the unpacked model.
            inside: the same as the container sees it.
            variables: the container's environment.

        Raises:
            ServerError: the model is none for this server.
        """

    def many(self, inside: str, variables: Mapping[str, str], /) -> tuple[Command, Variables]:
        """Command line and environment that serve models which come and go.

        Args:
            inside: an empty folder, as the container sees it.
            variables: the container's environment.
        """

    def check(self, body: bytes, content_type: str) -> None:
        """Refuses a body that must not reach the server.

        Raises:
            BodyError: it is none of the server's requests.
        """


class Triton:
    """NVIDIA Triton as SageMaker's Triton image starts it."""

    def __init__(self, server: TritonServer) -> None:
        """Wraps a server that is ready to run."""
        self._server = server

    def single(self, repository: Path, inside: str, variables: Mapping[str, str], /) -> tuple[Command, Variables]:
        given = {**variables, DEFAULT_MODEL: default_model(repository, variables)}
        return self._command(inside, given)

    def many(self, inside: str, variables: Mapping[str, str], /) -> tuple[Command, Variables]:
        return self._command(inside, {name: value for name, value in variables.items() if name != DEFAULT_MODEL})

    def check(self, body: bytes, content_type: str) -> None:
        check(body, content_type)

    def _command(self, inside: str, variables: Variables) -> tuple[Command, Variables]:
        return self._server.command(inside, variables), {**variables, "LD_LIBRARY_PATH": self._server.library_path}


class ServeProgram:
    """The program `serve` of an environment: any HTTP server that keeps SageMaker's contract."""

    def __init__(self, program: Path) -> None:
        """Takes the program."""
        self._program = program

    def single(self, _repository: Path, _inside: str, variables: Mapping[str, str], /) -> tuple[Command, Variables]:
        return [str(self._program)], dict(variables)

    def many(self, _inside: str, variables: Mapping[str, str], /) -> tuple[Command, Variables]:
        return [str(self._program)], dict(variables)

    def check(self, body: bytes, content_type: str) -> None:
        """Every body is the server's own affair."""


def server_of(environment: Path, derived: Path) -> Server:
    """The server that stands for an image.

    Args:
        environment: the Python environment that stands for the image.
        derived: folder for what is made once for all containers.

    Raises:
        ServerError: it has none.
    """
    program = environment / SERVE
    if program.exists():
        return ServeProgram(program)
    return Triton(triton_server(environment, derived))
