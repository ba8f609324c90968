"""What all engines of the Large Model Inference images share.

What LMI calls their fields is in ml_contract/lmi.py, with its sources.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from constructs_lib.values import Value
from ml_contract import lmi
from ml_contract.errors import reject
from ml_contract.images import Image
from ml_contract.instances import InstanceType, instance


class Engine(Value):
    """What generates the tokens."""

    name: ClassVar[lmi.EngineName]
    image: ClassVar[Image]
    """AWS's image that holds it."""

    tensor_parallel: int = Field(ge=1, le=16)
    """GPUs over which each layer is sharded."""
    pipeline_parallel: int = Field(default=1, ge=1, le=16)
    """Groups of GPUs over which the layers are divided; 1 where the model fits without."""
    max_rolling_batch_size: int = Field(default=32, ge=1)
    """Sequences that are generated at once; more wait. The image's own default: 32."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Further options of ml_contract/lmi.py, without their prefix ``option.``; nothing by default."""

    @abstractmethod
    def chosen(self) -> dict[str, Any]:
        """The fields as options of the image; None: not passed on."""

    def environment(self) -> dict[str, str]:
        """Variables of the container."""
        fields = {name: value for name, value in self.chosen().items() if value is not None}
        return dict(
            sorted((lmi.render(self.name, fields, field="engine") | lmi.render(self.name, self.options)).items())
        )

    @model_validator(mode="after")
    def _check_options(self) -> Self:
        for name in self.options:
            if name in self.chosen():
                reject(f"options.{name}", self.options[name], f"{type(self).__name__} has a field for it",
                       "Set the field, and leave the option out.")  # fmt: skip
        self.environment()
        return self

    @property
    def is_remote(self) -> bool:
        """Whether a part of it comes from the Hugging Face hub."""
        return False

    def check(self, instance_type: str, accelerators: int | None = None) -> None:
        """Refuse GPUs that cannot hold the engine so.

        Args:
            instance_type: With its prefix.
            accelerators: Those of an inference component; all of the instance by default.

        Raises:
            ContractError: There are none, too few, or ones that its degrees leave idle; or they lack the number format.
        """
        found = instance(instance_type)
        if found.device is None or found.device.runs_on != "cuda":
            reject("resources.instance_type", instance_type, f"{self.name} in this image runs on NVIDIA GPUs",
                   "Take a type with GPUs, for example ml.g5.xlarge.")  # fmt: skip
        available = found.accelerators if accelerators is None else accelerators
        needed = self.tensor_parallel * self.pipeline_parallel
        if available == 0:
            reject("share.accelerators", accelerators, f"{self.name} runs on GPUs, and the component takes none",
                   f"Give {needed}.")  # fmt: skip
        if available % needed:
            fits = [degree for degree in range(1, available + 1) if available % degree == 0]
            where = instance_type if accelerators is None else f"its component on {instance_type}"
            reject("engine.tensor_parallel", self.tensor_parallel,
                   f"with pipeline_parallel {self.pipeline_parallel} it takes {needed}, and {where} has {available}",
                   f"The product must be one of {', '.join(map(str, fits))}.")  # fmt: skip
        self._check_formats(found)

    def _check_formats(self, found: InstanceType) -> None:
        chosen = self.chosen()
        asked = [chosen.get(name) for name in ("dtype", "quantize")]
        lacking = [value for value in asked if value in ("bf16", "bfloat16", "fp8")]
        if lacking and found.accelerator in lmi.WITHOUT_BFLOAT16:
            reject("engine", lacking[0], f"{found.accelerator} has no such numbers",
                   "Take fp16, or a newer type, for example ml.g5.xlarge.")  # fmt: skip
