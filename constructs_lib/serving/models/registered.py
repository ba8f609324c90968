"""A version of a model package group."""

from __future__ import annotations

from constructs_lib.serving.binding import Binding
from constructs_lib.serving.models.base import Container, Model, cuda_of
from constructs_lib.training.image import ContainerImage
from constructs_lib.training.location import Location


class RegisteredModel(Model):
    """A registered package: image, data and environment stand in the registry."""

    package: str
    """ARN of the version, or the parameter that names it when a stack is deployed."""
    image: ContainerImage
    """Image of the packages, for the role's right to pull it."""
    archives: Location
    """Where the packages' archives lie."""

    @property
    def cuda(self) -> int | None:
        return cuda_of(self.image)

    def containers(self, binding: Binding) -> list[Container]:
        self.image.grant_pull(binding.role)
        self.archives.grant_read(binding.role)
        return [{"model_package_name": self.package}]
