"""The cases of the equality table: one run of each of some small language models, spread over ranks in every way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ml_contract.training.optimization import AdamW, Cosine
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Ddp, DeepSpeed, Fsdp, ModelParallel, Pipeline
from ml_contract.workloads import BytesLm, Llama

STEPS = 6
BYTES_LM = BytesLm(dimension=32, layers=4, heads=4, sequence_length=32)
LLAMA = Llama(vocabulary=256, hidden=32, intermediate=64, layers=4, heads=4, kv_heads=2, sequence_length=32)
MIXTURE = replace(LLAMA, experts=4)
MODELS = {"bytes_lm": BYTES_LM, "llama": LLAMA, "llama, 4 experts": MIXTURE}
"""What is trained, by the table's name for it."""
ONE_F_ONE_B = Pipeline(stages=2, micro_batches=2)
INTERLEAVED = Pipeline(stages=2, micro_batches=2, schedule="interleaved")


def run(workload: BytesLm | Llama = BYTES_LM, **changes: Any) -> TrainingRun:
    """The run that all cases share: float32, a warm-up, gradients that are clipped, weights that decay."""
    settings: dict[str, Any] = {
        "workload": workload, "optimizer": AdamW(learning_rate=1e-2), "schedule": Cosine(warmup_steps=2),
        "global_batch_size": 8, "steps": STEPS,
    }  # fmt: skip
    return TrainingRun(**{**settings, **changes})


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row: a run on some ranks, held against one rank that trains the same."""

    name: str
    run: TrainingRun
    ranks: int = 2
    hosts: int = 1
    decisive: bool = False
    """Whether the test suite runs it too: one of each way to divide."""
    trouble: Callable[[], None] | None = None
    """What is broken in a case that must fail."""

    @property
    def model(self) -> str:
        """The table's name of what is trained."""
        return next(name for name, workload in MODELS.items() if workload == self.run.workload)


def references() -> dict[str, Case]:
    """One rank, by model."""
    return {
        name: Case(name=f"{name}, one rank", run=run(workload, strategy=Ddp()), ranks=1)
        for name, workload in MODELS.items()
    }


def cases() -> list[Case]:
    """Every row but the references."""
    model = ModelParallel
    return [
        Case(name="DDP", run=run(strategy=Ddp()), decisive=True),
        Case(name="DDP, accumulation", run=run(strategy=Ddp(), micro_batch_size=2)),
        Case(name="FSDP2 full", run=run(strategy=Fsdp()), decisive=True),
        Case(name="FSDP2 shard_grad_op", run=run(strategy=Fsdp(sharding="shard_grad_op"))),
        Case(name="FSDP2 hybrid", run=run(strategy=Fsdp(sharding="hybrid")), ranks=4, hosts=2),
        Case(name="FSDP2 prefetch 2", run=run(strategy=Fsdp(prefetch_forward=2, prefetch_backward=2))),
        Case(name="FSDP2 cpu_offload", run=run(strategy=Fsdp(cpu_offload=True))),
        Case(name="FSDP2, recomputation full", run=run(strategy=Fsdp(), activation_checkpointing="full")),
        Case(name="FSDP2, recomputation selective", run=run(strategy=Fsdp(), activation_checkpointing="selective")),
        Case(name="FSDP2, compiled blocks", run=run(strategy=Fsdp(), compile_blocks=True)),
        Case(name="FSDP2, accumulation", run=run(strategy=Fsdp(), micro_batch_size=2)),
        Case(name="FSDP2, accumulation whole", run=run(strategy=Fsdp(accumulate="whole"), micro_batch_size=2)),
        Case(name="TP 2", run=run(strategy=model(tensor=2)), decisive=True),
        Case(name="PP 2, 1F1B", run=run(strategy=model(pipeline=ONE_F_ONE_B)), decisive=True),
        Case(name="PP 2, interleaved", run=run(strategy=model(pipeline=INTERLEAVED)), decisive=True),
        Case(name="PP 2, accumulation", run=run(strategy=model(pipeline=ONE_F_ONE_B), micro_batch_size=2)),
        Case(name="CP 2", run=run(strategy=model(context=2)), decisive=True),
        Case(name="CP 2, recomputation selective",
             run=run(strategy=model(context=2), activation_checkpointing="selective")),
        Case(name="TP 2 x FSDP2", run=run(strategy=model(tensor=2, data=Fsdp())), ranks=4, decisive=True),
        Case(name="TP 2 x DDP, recomputation", ranks=4,
             run=run(strategy=model(tensor=2, data=Ddp()), activation_checkpointing="full")),
        Case(name="TP 2 x HSDP", run=run(strategy=model(tensor=2, data=Fsdp(sharding="hybrid"))), ranks=8, hosts=2),
        Case(name="PP 2 x FSDP2", run=run(strategy=model(pipeline=ONE_F_ONE_B, data=Fsdp())), ranks=4),
        Case(name="CP 2 x FSDP2", run=run(strategy=model(context=2, data=Fsdp())), ranks=4),
        Case(name="PP 2 x TP 2", run=run(strategy=model(pipeline=ONE_F_ONE_B, tensor=2)), ranks=4),
        Case(name="PP 2 x CP 2", run=run(strategy=model(pipeline=INTERLEAVED, context=2)), ranks=4),
        Case(name="TP 2 x CP 2", run=run(strategy=model(tensor=2, context=2)), ranks=4),
        *(Case(name=f"ZeRO-{stage}", run=run(strategy=DeepSpeed(stage=stage))) for stage in (1, 2, 3)),
        Case(name="FSDP2 full", run=run(LLAMA, strategy=Fsdp())),
        Case(name="TP 2 x FSDP2", run=run(LLAMA, strategy=model(tensor=2, data=Fsdp())), ranks=4),
        Case(name="TP 2 x FSDP2, compiled blocks", ranks=4,
             run=run(LLAMA, strategy=model(tensor=2, data=Fsdp()), compile_blocks=True)),
        Case(name="PP 2, 1F1B", run=run(LLAMA, strategy=model(pipeline=ONE_F_ONE_B))),
        Case(name="CP 2", run=run(LLAMA, strategy=model(context=2))),
        Case(name="DDP, accumulation", run=run(MIXTURE, strategy=Ddp(), micro_batch_size=2)),
        Case(name="FSDP2 full", run=run(MIXTURE, strategy=Fsdp())),
        Case(name="FSDP2, recomputation selective",
             run=run(MIXTURE, strategy=Fsdp(), activation_checkpointing="selective")),
        Case(name="FSDP2, compiled blocks", run=run(MIXTURE, strategy=Fsdp(), compile_blocks=True)),
        Case(name="PP 2, interleaved", run=run(MIXTURE, strategy=model(pipeline=INTERLEAVED))),
        Case(name="CP 2, recomputation full", decisive=True,
             run=run(MIXTURE, strategy=model(context=2), activation_checkpointing="full")),
        Case(name="ZeRO-1", run=run(MIXTURE, strategy=DeepSpeed(stage=1))),
        Case(name="ZeRO-3", run=run(MIXTURE, strategy=DeepSpeed(stage=3))),
    ]  # fmt: skip


def not_averaged() -> None:
    """Trouble: ranks keep their own gradients."""
    from training_code.parallel.ddp import Replicated

    Replicated.synchronize = lambda self, **_: self.model.no_sync()


BROKEN = Case(name="DDP, gradients not averaged", run=run(strategy=Ddp()), trouble=not_averaged)
"""What the table must not let pass."""
