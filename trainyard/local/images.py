"""Which local Python environment stands for a container image."""

import os
from dataclasses import dataclass
from pathlib import Path

from trainyard.local.api.errors import invalid

# Repository of the deep-learning containers → folder of the environment that holds the same packages.
ENVIRONMENT_OF_REPOSITORY = {
    "pytorch": "training",
    "pytorch-training": "training",
    # Of images/training/Dockerfile, which installs the same requirements.
    "trainyard-training": "training",
    "sagemaker-tritonserver": "triton",
    # Large-model inference: vLLM behind DJL Serving; the environment is optional and large.
    "djl-inference": "lmi",
}
SERVE = Path("bin") / "serve"
"""What an environment has whose image starts a server of its own: SageMaker runs an image as `IMAGE serve`."""
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, kw_only=True)
class LocalImage:
    """An image as this machine can run it."""

    uri: str
    """The image that was asked for."""
    folder: Path
    """The environment that stands for it: `bin/` comes first on the container's PATH."""

    @property
    def serves_alone(self) -> bool:
        """Whether it brings a server of its own, which may need no model data."""
        return (self.folder / SERVE).exists()

    @property
    def variables(self) -> dict[str, str]:
        """What the image sets by itself."""
        return {
            "PATH": f"{self.folder / 'bin'}:{_SYSTEM_PATH}",
            "HOME": os.environ.get("HOME", "/root"),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            # Containers share this machine's processors. Threads that spin while they wait for work take them from
            # those that have some: seven times the processor time beside others (measured with PyTorch on two cores).
            "OMP_WAIT_POLICY": "PASSIVE",
        }


def local_image(uri: str, environments: Path, field: str) -> LocalImage:
    """Finds the environment that stands for an image.

    A repository that the table does not name may have a folder of its own name.

    Args:
        uri: the image, `registry/repository:tag`.
        environments: folder of the environments.
        field: the request's field that holds `uri`, for the error.

    Raises:
        ServiceError: ValidationException, when no environment stands for it.
    """
    repository = uri.rpartition("/")[2].partition("@")[0].partition(":")[0]
    name = ENVIRONMENT_OF_REPOSITORY.get(repository, repository)
    folder = (environments / name).absolute()
    programs = (folder / "bin" / "python", folder / SERVE)
    if name and "/" not in name and name not in (".", "..") and any(program.exists() for program in programs):
        return LocalImage(uri=uri, folder=folder)
    known = ", ".join(sorted(ENVIRONMENT_OF_REPOSITORY))
    if repository in ENVIRONMENT_OF_REPOSITORY:
        setup = "make lmi" if name == "lmi" else "make setup"
        raise invalid(f"{field}: got {uri!r}, but its environment {folder} is not installed. Run `{setup}`.")
    raise invalid(
        f"{field}: got {uri!r}, but the embedded cloud has no environment for the repository {repository!r}. "
        f"Use one of {known}, or put an environment named {repository!r} into {environments}."
    )
