"""Whether what a container is about to serve was built for it."""

import json
from pathlib import Path

from ml_contract.manifest import FILE_NAME
from ml_contract.packaging.engine import check_served


def check_engines(repository: Path, instance_type: str, image: str) -> None:
    """Refuses TensorRT engines that another type or image built.

    Args:
        repository: folder of the unpacked model; one without a manifest of ours is not looked at.
        instance_type: what is to serve it.
        image: URI of the image that is to serve it.

    Raises:
        ContractError: an engine was built elsewhere, or not at all.
    """
    try:
        packaging = json.loads((repository / FILE_NAME).read_text())["packaging"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    if isinstance(packaging, dict):
        check_served(packaging, instance_type=instance_type, image=image)
