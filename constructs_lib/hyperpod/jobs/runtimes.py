"""What the nodes of a Slurm job run Python in."""

from __future__ import annotations

from abc import ABC

from pydantic import Field

from constructs_lib.hyperpod.jobs.places import PATH
from constructs_lib.training.image import ContainerImage
from constructs_lib.values import Value


class Runtime(Value, ABC):
    """What the nodes run Python in."""


class VirtualEnvironment(Runtime):
    """Packages on a file system that every node sees."""

    path: str = Field(pattern=PATH)
    """The environment's folder; its interpreter is ``bin/python``."""


class PyxisContainer(Runtime):
    """A container that Enroot makes from an image of a registry."""

    image: ContainerImage
    """The image; nodes need credentials for its registry."""
    mounts: tuple[str, ...] = Field(min_length=1)
    """Folders of a node that the container sees at the same path; those of code, data and output among them."""
