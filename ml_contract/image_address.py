"""Where an image lies in a private registry of ECR, read from what names it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ml_contract.values import value_object

_ADDRESS = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/"
    r"(?P<repository>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@value_object
class ImageAddress:
    """An image in a private registry of ECR."""

    uri: str
    """As it was written."""
    account: str
    """Account of the registry, twelve digits."""
    region: str
    """Region of the registry."""
    repository: str
    """The repository's name."""
    tag: str | None
    """The tag; None where a digest alone names the image."""
    digest: str | None
    """The digest, ``sha256:…``; None where a tag alone names it."""

    @classmethod
    def parse(cls, uri: str) -> ImageAddress | None:
        """The image that ``uri`` names, with Docker's default tag; None when it lies in no registry of ECR."""
        found = _ADDRESS.fullmatch(uri)
        return _address(found) if found else None

    @property
    def identity(self) -> dict[str, str]:
        """The image within its repository, as requests of ECR name it."""
        return {"imageDigest": self.digest} if self.digest else {"imageTag": self.tag or "latest"}


def named_in(text: str) -> Iterator[ImageAddress]:
    """Every image that a text names, in its order."""
    return map(_address, _ADDRESS.finditer(text))


def _address(found: re.Match[str]) -> ImageAddress:
    parts = found.groupdict()
    if parts["tag"] is None and parts["digest"] is None:
        parts["tag"] = "latest"
    return ImageAddress(uri=found[0], **parts)
