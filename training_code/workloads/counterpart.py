"""A workload's model in a class of transformers, for libraries that divide such classes alone.

Weights are the workload's, by the names of Hugging Face's files. What a library gives back is taken apart again here,
so that artifact and figures do not depend on the class that was trained.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn


class Counterpart(abc.ABC):
    """The same model in a class of transformers."""

    @abc.abstractmethod
    def build(self) -> nn.Module:
        """The model, without a cache of keys and values; parameters are whatever its class begins with."""

    @abc.abstractmethod
    def fill(self, model: nn.Module, seed: int) -> None:
        """Put the workload's initial parameters, whole and float32 on the CPU, in the place of those of a model."""

    @abc.abstractmethod
    def ours(self, whole: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Weights by the names of :meth:`Workload.build`, from those by the names of Hugging Face's files.

        Raises:
            ContractError: One is missing.
        """

    @abc.abstractmethod
    def named(self, arguments: tuple[Any, ...]) -> dict[str, Any]:
        """What :meth:`Workload.split` gave, by the names of forward."""

    @abc.abstractmethod
    def scores(self, outputs: Any) -> Tensor:
        """What :meth:`Workload.loss` takes, from what forward gave.

        Raises:
            ContractError: It has another shape.
        """

    @property
    def balance(self) -> float | None:
        """Weight that each layer's load-balancing loss of routers has in the loss; None where there are no experts."""
        return None
