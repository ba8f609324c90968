"""A container of many models: what SageMaker does in front of a server in multi-model mode."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from trainyard.local.api.errors import ServiceError
from trainyard.local.hosting.container import Blueprint, Container, Ended, Line
from trainyard.local.hosting.exchange import JSON, Question, Reply, Serving, StreamedReply, refusal
from trainyard.local.hosting.model_cache import FULL, LoadError, ModelCache
from trainyard.local.hosting.model_files import ModelFiles
from trainyard.local.hosting.servers import Command, Server, Variables

_TARGET = "X-Amzn-SageMaker-Target-Model"
_ALREADY = 409
_MODELS, _NONE = "models", "no-models"


@dataclass(frozen=True, kw_only=True)
class ManyModels:
    """A container that fetches models when they are asked for."""

    container: Blueprint
    """The container, without model data."""
    client: Callable[[], Any]
    """Gives the S3 client with a session of the model's role."""
    prefix: str
    """s3:// address that TargetModel follows."""
    keep: bool = True
    """Whether models stay loaded (ModelCacheSetting)."""
    room: int | None = None
    """Bytes for models on the disk; None for the machine's."""

    def open(self, root: Path, line: Line, ended: Ended) -> Serving:
        """Starts the container; see `ManyModelsContainer`."""
        return ManyModelsContainer(self, root, line, ended=ended)


class ManyModelsContainer(Container):
    """One container that loads models on demand and gives them up when its memory is full."""

    def __init__(self, blueprint: ManyModels, root: Path, line: Line, *, ended: Ended) -> None:
        """Starts the server without a model; see `Container`."""
        super().__init__(blueprint.container, root, line, ended=ended)
        self._stood = False
        self._cache = ModelCache(self, keep=blueprint.keep)
        self._files = ModelFiles(
            blueprint.client, blueprint.prefix, self.path(_MODELS)[0], room=blueprint.room, busy=self._cache.holds
        )

    def ping(self, seconds: float = 2.0) -> bool:
        """Whether the server is healthy; once it has been, whether it answers at all, or loads a model.

        Triton's /ping says whether every model is ready: while models come and go, one of them often is not.
        """
        try:
            status = self.connections.request("GET", "/ping", seconds=seconds).status
        except OSError:
            return self._stood and self._cache.loading_within(seconds)
        self._stood = self._stood or status == 200
        return self._stood

    def holds(self, target_model: str, /) -> bool:
        """Whether a model is loaded or being loaded."""
        return self._cache.holds(target_model)

    def ask(self, question: Question) -> Reply:
        """Has the model that the question is for loaded, and asks it."""
        if (refused := self._refuse(question)) is not None:
            return refused
        target = question.target_model
        if target is None:
            raise ServiceError(
                "ValidationError", "TargetModel: the endpoint serves many models, and the request names none. Name one."
            )
        asked = replace(question, headers={**question.headers, _TARGET: target})
        try:
            with self._cache.use(target, question.seconds) as figures:
                path = f"/models/{self._files.key(target)}/invoke"
                reply = self._post(path, asked)
                while reply.status == FULL and self._cache.make_room(target):
                    reply = self._post(path, asked)
                return replace(reply, figures=figures)
        except LoadError as error:
            return error.reply

    def stream(self, question: Question) -> StreamedReply:
        """Asks for the whole answer: the contract of many models has no streams."""
        reply = self.ask(question)
        return StreamedReply(
            status=reply.status, headers=reply.headers, parts=iter([reply.body]), figures=reply.figures
        )  # fmt: skip

    def fetch(self, target: str) -> float | None:
        """Has a model's files there; see `Models`."""
        return self._files.fetch(target)

    def load(self, target: str, seconds: float) -> Reply:
        """Loads a model; see `Models`."""
        _, inside = self.path(f"{_MODELS}/{self._files.place(target)}")
        body = json.dumps({"model_name": self._files.key(target), "url": inside}).encode()
        try:
            reply = self.connections.request(
                "POST", "/models", body=body, headers={"content-type": JSON, _TARGET: target}, seconds=max(1.0, seconds)
            )
        except OSError as error:
            return refusal(500, f"the model server closed the connection while it loaded {target}: {error}")
        return replace(reply, status=200) if reply.status == _ALREADY else reply

    def unload(self, target: str, seconds: float) -> None:
        """Takes a model away; a server that is gone has none any more."""
        try:
            self.connections.request(
                "DELETE", f"/models/{quote(self._files.key(target))}", headers={_TARGET: target}, seconds=seconds
            )
        except OSError as error:
            self._line(f"unloading {target}: {error}")

    def _prepare(self, server: Server, variables: Variables) -> tuple[Command, Variables]:
        nothing, inside = self.path(_NONE)
        nothing.mkdir()
        (self.path(_MODELS)[0]).mkdir()
        return server.many(inside, {**variables, "SAGEMAKER_MULTI_MODEL": "true"})
