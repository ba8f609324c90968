"""Where SageMaker puts things in a container.

Source: "How Amazon SageMaker AI provides training information" and "Build your own processing container",
Amazon SageMaker Developer Guide, read 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ml_contract.values import value_object

BASE_DIR_VARIABLE = "SAGEMAKER_BASE_DIR"
"""The name by which the SageMaker training toolkit moves /opt/ml elsewhere."""

OPTIONS_VARIABLE = "TRAINYARD_OPTIONS"
"""Environment variable that holds a processing module's options: one JSON object."""


@value_object
class ContainerPaths:
    """The tree below /opt/ml, the same for training and processing jobs."""

    base: Path = Path("/opt/ml")
    """Root of the tree; another one where several hosts share a file system."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> ContainerPaths:
        """Root the tree at ``SAGEMAKER_BASE_DIR`` where that is set, else at /opt/ml."""
        return cls(base=Path(environment.get(BASE_DIR_VARIABLE) or "/opt/ml"))

    @property
    def config(self) -> Path:
        return self.base / "input" / "config"

    @property
    def hyperparameters(self) -> Path:
        return self.config / "hyperparameters.json"

    @property
    def input_data_config(self) -> Path:
        return self.config / "inputdataconfig.json"

    @property
    def resource_config(self) -> Path:
        return self.config / "resourceconfig.json"

    @property
    def processing_job(self) -> Path:
        """What CreateProcessingJob was asked, JSON."""
        return self.base / "config" / "processingjobconfig.json"

    @property
    def model(self) -> Path:
        """What is written here becomes model.tar.gz."""
        return self.base / "model"

    @property
    def output_data(self) -> Path:
        """What is written here becomes output.tar.gz."""
        return self.base / "output" / "data"

    @property
    def tensorboard(self) -> Path:
        """Event files; TensorBoardOutputConfig's LocalPath, SageMaker's own default."""
        return self.base / "output" / "tensorboard"

    @property
    def failure(self) -> Path:
        """The first 1,024 characters become the job's FailureReason."""
        return self.base / "output" / "failure"

    @property
    def exit_message(self) -> Path:
        """A processing job's ExitMessage: at most one kilobyte of text."""
        return self.base / "output" / "message"

    @property
    def checkpoints(self) -> Path:
        """Synchronised to the checkpoint location without order: small files only."""
        return self.base / "checkpoints"

    @property
    def code(self) -> Path:
        return self.base / "code"

    def channel(self, name: str) -> Path:
        return self.base / "input" / "data" / name

    def processing_input(self, name: str) -> Path:
        return self.base / "processing" / "input" / name

    def processing_output(self, name: str) -> Path:
        return self.base / "processing" / "output" / name
