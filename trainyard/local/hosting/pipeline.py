"""Several containers of one model on one instance: in a row, or each asked by its name."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from trainyard.local.api.errors import ServiceError
from trainyard.local.hosting.container import Blueprint, Container, Ended, Line
from trainyard.local.hosting.exchange import JSON, Question, Reply, Serving, StreamedReply


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """The containers of a model, in their order."""

    containers: Sequence[Blueprint]
    direct: bool
    """Whether a request names the one container that answers it (InferenceExecutionConfig Direct)."""

    def open(self, root: Path, line: Line, ended: Ended) -> Serving:
        """Starts every container; see `PipelineContainers`."""
        return PipelineContainers(self, root, line, ended=ended)


class PipelineContainers:
    """Containers that start, answer and end together."""

    def __init__(self, blueprint: Pipeline, root: Path, line: Line, *, ended: Ended) -> None:
        """Starts every container; see `Container`."""
        self.ended = threading.Event()
        self.end = ""
        self._direct, self._told = blueprint.direct, ended
        self._containers: dict[str, Container] = {}
        try:
            for part in blueprint.containers:
                self._containers[part.hostname] = Container(
                    part, root / part.hostname, line, ended=partial(self._ended, part.hostname)
                )
        except BaseException:
            self.close()
            raise

    def ping(self, seconds: float = 2.0) -> bool:
        """Whether every container says that it is healthy."""
        return all(container.ping(seconds) for container in self._containers.values())

    def ask(self, question: Question) -> Reply:
        """Asks the named container, or each in turn with what the one before it answered."""
        *before, last = self._way(question)
        passed: list[tuple[str, float]] = []
        for container in before:
            reply = container.ask(question)
            passed.append((f"ContainerLatency:{reply.container}", reply.seconds))
            if not 200 <= reply.status < 300:
                return replace(reply, figures=tuple(passed))
            question = _next(question, reply)
        reply = last.ask(question)
        passed.append((f"ContainerLatency:{reply.container}", reply.seconds))
        return replace(reply, seconds=sum(seconds for _, seconds in passed), figures=tuple(passed))

    def stream(self, question: Question) -> StreamedReply:
        """As `ask`; the last container's answer comes piece by piece."""
        *before, last = self._way(question)
        for container in before:
            reply = container.ask(question)
            if not 200 <= reply.status < 300:
                return StreamedReply(
                    status=reply.status, headers=reply.headers, parts=iter([reply.body]), container=reply.container
                )
            question = _next(question, reply)
        return last.stream(question)

    def holds(self, _target_model: str, /) -> bool:
        """Whether one of many models is there: its own always are."""
        return True

    def overdrawn(self) -> str:
        """Why a container takes more memory than it has; empty when none does."""
        return next((why for container in self._containers.values() if (why := container.overdrawn())), "")

    def terminate(self) -> None:
        """Asks every container to end."""
        for container in self._containers.values():
            container.terminate()

    def drain(self) -> None:
        """Waits until the last lines of the containers' logs have been heard."""
        for container in self._containers.values():
            container.drain()

    def close(self) -> None:
        """Ends every process of the containers."""
        for container in self._containers.values():
            container.close()

    def _way(self, question: Question) -> list[Container]:
        name, known = question.target_container, ", ".join(self._containers)
        if not self._direct:
            if name is not None:
                raise ServiceError(
                    "ValidationError",
                    "TargetContainerHostname: the containers are asked one after the other. Leave it out.",
                )
            return list(self._containers.values())
        if name not in self._containers:
            raise ServiceError(
                "ValidationError", f"TargetContainerHostname: got {name!r}, but it is one of {known}. Name one."
            )
        return [self._containers[name]]

    def _ended(self, name: str) -> None:
        found = self._containers.get(name)
        self.end = self.end or (f"{name}: {found.end}" if found else name)
        self.ended.set()
        self._told()


def _next(question: Question, reply: Reply) -> Question:
    """What the next container is asked: the answer of the one before, of the type that it says."""
    kind = reply.headers.get("content-type", JSON)
    return replace(question, body=reply.body, headers={**question.headers, "content-type": kind})
