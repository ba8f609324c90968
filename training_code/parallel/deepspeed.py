"""ZeRO by DeepSpeed: its engine runs forward, backward and update; initial weights, norm and state are ours."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ml_contract.metrics import Metric
from ml_contract.training.layout import Layout
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import DeepSpeed
from training_code.checkpoint import Stateful
from training_code.parallel import optimizer as optimizers
from training_code.parallel.base import Parallel, Passed
from training_code.parallel.blocks import transform
from training_code.parallel.deepspeed_config import check_precision, configuration
from training_code.parallel.deepspeed_disk import Disk
from training_code.parallel.deepspeed_masters import Masters
from training_code.parallel.deepspeed_state import ModelState, OptimizerState, ScalerState, gathered
from training_code.parallel.deepspeed_swap import once_each
from training_code.parallel.precision import compute_dtype
from training_code.parallel.ranks import Ranks
from training_code.parallel.weights import WRAPPER
from training_code.workloads.base import Workload


def build(run: TrainingRun, workload: Workload[Any], ranks: Ranks, layout: Layout) -> Parallel:
    """The model under DeepSpeed's engine, with the same initial weights as under every other strategy."""
    strategy = run.strategy
    assert isinstance(strategy, DeepSpeed)
    deepspeed = _imported(ranks.device)
    check_precision(run.precision, deepspeed.accelerator.get_accelerator())
    disk = Disk(run, strategy, ranks)
    disk.prepare()
    with torch.device("meta"):
        model = workload.build()
    disk.check_buffers(model, ranks=layout.shard, width=compute_dtype(run.precision).itemsize)
    transform(model, run, workload)
    # Before anything is divided: a group may look at shapes.
    groups = _named(model, optimizers.groups((model,), workload, run.optimizer))
    largest = max(parameter.numel() for parameter in model.parameters())
    settings = configuration(run, strategy, layout, largest=largest)
    _materialize(model, workload, run, ranks, divide=_divider(deepspeed, settings) if strategy.stage == 3 else None)
    workload.reset(model)
    parameters = dict(model.named_parameters())
    options = run.optimizer
    # Without the state that optimizers.adamw begins: it would be that of whole parameters.
    optimizer = torch.optim.AdamW(
        [{**group, "params": [parameters[name] for name in group["params"]]} for group in groups],
        lr=options.learning_rate, betas=(options.beta1, options.beta2), eps=options.epsilon, fused=options.fused,
    )  # fmt: skip
    engine, *_ = deepspeed.initialize(model=model, optimizer=optimizer, config=settings, dist_init_required=False)
    return Zero(run, workload, ranks, layout, engine, disk)


def library(device: torch.device) -> Any:
    """DeepSpeed. It takes seconds to import.

    It would look for an accelerator, try out which of its C++ operators could be compiled, compile one for collectives
    of a CPU, and list itself in the log: none of that is needed here. Warnings stay. One of its optimisers compiles a
    function as it is imported, and with it the compiler, ONNX and more: 14 s of a core in every rank (measured).
    """
    os.environ.setdefault("DS_ACCELERATOR", device.type)
    before = os.environ.get("TORCHDYNAMO_DISABLE")
    os.environ["TORCHDYNAMO_DISABLE"] = "1"
    try:
        import deepspeed
        import deepspeed.runtime.zero.muon.original_muon
    finally:
        del os.environ["TORCHDYNAMO_DISABLE"]
        if before is not None:
            os.environ["TORCHDYNAMO_DISABLE"] = before

    vars(deepspeed.ops).setdefault("__compatible_ops__", {})
    return deepspeed


def _imported(device: torch.device) -> Any:
    """The library, joined to the process group, which stands."""
    deepspeed = library(device)
    # Without this it would look for MPI, and open a port of its own.
    deepspeed.init_distributed(dist_backend=torch.distributed.get_backend(), dist_init_required=False, verbose=False)
    return deepspeed


def _named(model: nn.Module, groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = {parameter: name for name, parameter in model.named_parameters()}
    return [{**group, "params": [names[parameter] for parameter in group["params"]]} for group in groups]


def _divider(deepspeed: Any, settings: Mapping[str, Any]) -> Any:
    swapper: Any = None

    def divide(module: nn.Module) -> None:
        nonlocal swapper
        # One swapper for all: each begins by removing the files of the one before.
        made = deepspeed.zero.Init(module=module, config_dict_or_path=dict(settings), param_swapper=swapper)
        if made.param_swapper is not swapper:
            swapper = made.param_swapper
            once_each(swapper)

    return divide


def _materialize(model: nn.Module, workload: Workload[Any], run: TrainingRun, ranks: Ranks, *, divide: Any) -> None:
    """Off the meta device, one module after the other; ``divide`` keeps no more than one of them whole."""
    dtype = compute_dtype(run.precision)
    made: dict[nn.Parameter, nn.Parameter] = {}
    for prefix, module in [*model.named_modules()][::-1]:
        for name, buffer in module.named_buffers(recurse=False):
            module._buffers[name] = torch.empty_like(buffer, device=ranks.device)
        for name, parameter in module.named_parameters(recurse=False):
            if parameter not in made:
                whole = workload.initial(f"{prefix}.{name}".lstrip(".").replace(WRAPPER, ""), parameter.shape, run.seed)
                kind = dtype if divide is not None else parameter.dtype
                made[parameter] = nn.Parameter(whole.to(ranks.device, kind), requires_grad=parameter.requires_grad)
            module._parameters[name] = made[parameter]
        if divide is not None:
            divide(module)


class Zero(Parallel):
    """DeepSpeed's engine around the model."""

    def __init__(
        self, run: TrainingRun, workload: Workload[Any], ranks: Ranks, layout: Layout, engine: Any, disk: Disk
    ) -> None:
        super().__init__(run, workload, ranks, layout)
        self.engine, self.disk = engine, disk
        self.masters = Masters(engine)
        if compute_dtype(run.precision) is not torch.float32:
            self.masters.initialize(workload, run.seed)

    @property
    def models(self) -> Sequence[nn.Module]:
        return (self.engine.module,)

    def forward_backward(self, batches: Sequence[Any]) -> Passed:
        loss, figures = 0.0, dict[Metric, float]()
        for index, batch in enumerate(batches):
            arguments, targets = self.workload.split(batch)
            self.engine.set_gradient_accumulation_boundary(index == len(batches) - 1)
            outputs = self.engine(*arguments)
            micro = self.workload.loss(outputs, targets) / len(batches)
            self.engine.backward(micro, scale_wrt_gas=False)
            loss += float(micro.detach())
            for metric, value in self.workload.figures(outputs, targets).items():
                figures[metric] = figures.get(metric, 0.0) + value / len(batches)
            del outputs, micro
        return Passed(loss=loss, figures=figures)

    def clip(self, largest: float) -> float:
        # The engine clips in its step, by a norm that it does not tell before: a loss that is no number must end the
        # run before anything is updated.
        self.engine.optimizer.clip_grad = largest
        norm = self.masters.norm()
        return norm if math.isfinite(norm) else math.inf

    def update(self, rate: float) -> bool:
        optimizers.set_rate(self.engine.optimizer.optimizer, rate)
        self.engine.step()
        return bool(self.engine.was_step_applied())

    def state(self) -> dict[str, Stateful]:
        found: dict[str, Stateful] = {
            "model": ModelState(self.masters), "optimizer": OptimizerState(self.masters)
        }  # fmt: skip
        return found | ({"scaler": ScalerState(self.engine.optimizer)} if self.skips_overflows else {})

    def gather(self) -> dict[str, Tensor]:
        return gathered(self.masters, self.ranks)

    def close(self) -> None:
        self.engine.destroy()
        self.disk.clear()
