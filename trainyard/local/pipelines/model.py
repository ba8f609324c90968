"""A pipeline definition as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainyard.local.pipelines.parameters import Parameter
from trainyard.local.pipelines.retries import RetryPolicy


@dataclass(frozen=True, kw_only=True)
class PropertyFile:
    """A JSON file that a processing job writes, and that conditions read."""

    output: str
    """Name of the processing output."""
    path: str
    """Where the file lies below the output."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of a pipeline."""

    name: str
    type: str
    arguments: Mapping[str, Any]
    """Arguments as written, with expressions."""
    depends_on: tuple[str, ...] = ()
    """Steps named in DependsOn."""
    referenced: frozenset[str] = frozenset()
    """Steps whose properties or files the arguments use."""
    branch: tuple[str, bool] | None = None
    """The condition step that holds this one, and the outcome with which it runs."""
    policies: tuple[RetryPolicy, ...] = ()
    files: Mapping[str, PropertyFile] = field(default_factory=dict)
    """Property files by name."""
    display_name: str | None = None
    description: str | None = None

    @property
    def dependencies(self) -> frozenset[str]:
        """All steps that must have succeeded before this one starts."""
        return self.referenced | set(self.depends_on) | ({self.branch[0]} if self.branch else set())


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A definition whose every part was checked."""

    parameters: Mapping[str, Parameter]
    steps: Mapping[str, Step]
    """By name, in the order of the definition."""
    experiment: Mapping[str, Any] | None = None
    """PipelineExperimentConfig as written."""
