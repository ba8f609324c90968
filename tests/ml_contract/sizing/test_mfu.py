"""Model FLOPs utilisation."""

import pytest

from ml_contract.accelerators import ACCELERATORS
from ml_contract.sizing.mfu import mfu
from ml_contract.training.optimization import AdamW, Precision
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Fsdp
from ml_contract.workloads import Llama

LLAMA_3_8B = Llama(vocabulary=128256, hidden=4096, intermediate=14336, layers=32, heads=32, kv_heads=8,
                   sequence_length=8192)  # fmt: skip
H100 = ACCELERATORS["H100-80GB"].peak_flops


def run(compute: str) -> TrainingRun:
    return TrainingRun(workload=LLAMA_3_8B, strategy=Fsdp(), optimizer=AdamW(learning_rate=1e-3), steps=1,
                       global_batch_size=8, precision=Precision(compute=compute))  # fmt: skip


# torchtitan, 8 x H100, Llama 3 8B, sequence 8192: 5,762 tokens/s a GPU are 33 % by a count that leaves the embedding
# out; see ../shared/facts/training.md.
def test_a_published_run() -> None:
    found = mfu(run("bfloat16"), samples_per_second=8 * 5762 / 8192, ranks=8, peak_flops=H100)
    assert found == pytest.approx(0.35, abs=0.03)


def test_it_is_a_share_of_all_accelerators() -> None:
    one, two = (mfu(run("bfloat16"), samples_per_second=1.0, ranks=ranks, peak_flops=H100) for ranks in (1, 2))
    assert one is not None
    assert two == one / 2


@pytest.mark.parametrize(("compute", "peak"), [("float8", H100), ("bfloat16", None)])
def test_there_is_none_without_a_peak_to_compare_with(compute: str, peak: float | None) -> None:
    assert mfu(run(compute), samples_per_second=1.0, ranks=1, peak_flops=peak) is None
