"""Runs that fit their hosts, and what is said of those that do not."""

import dataclasses
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_contract.errors import ContractError
from ml_contract.instances import CATALOGUE, instance
from ml_contract.sizing.fit import RESERVE, check_fit, smallest
from ml_contract.training.optimization import AdamW, Precision
from ml_contract.training.run import TrainingRun
from ml_contract.training.strategies import Ddp, Fsdp, ParallelStrategy
from ml_contract.workloads import BytesLm, Digits, Llama, WorkloadOptions

LLAMA_8B = Llama(vocabulary=128256, hidden=4096, intermediate=14336, layers=32, heads=32, kv_heads=8)
LLAMA_1B = Llama(vocabulary=32000, hidden=2048, intermediate=5632, layers=24, heads=16, kv_heads=16)


def run(strategy: ParallelStrategy, workload: WorkloadOptions = LLAMA_8B, **fields: object) -> TrainingRun:
    given = {"optimizer": AdamW(learning_rate=1e-3), "steps": 1, "global_batch_size": 64, "micro_batch_size": 1,
             "precision": Precision(compute="bfloat16"), "activation_checkpointing": "full", **fields}  # fmt: skip
    return TrainingRun(workload=workload, strategy=strategy, **given)


FULL = replace(run(Fsdp(), global_batch_size=8), micro_batch_size=None)
"""8 billion parameters on eight ranks, one sample each."""


def test_a_run_that_fits_is_let_through_with_its_estimate() -> None:
    fit = check_fit(FULL, "ml.p5.48xlarge", 1)
    assert fit.notes == ()
    assert fit.memory.total("device") < 80 * 2**30


def test_a_run_that_does_not_fit_is_one_line() -> None:
    with pytest.raises(ContractError) as caught:
        check_fit(FULL, "ml.g5.48xlarge", 1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "part",
    [
        r"got '1 x ml\.g5\.48xlarge'",
        r"a rank needs an estimated 23\.\d\d GiB",
        r"an accelerator \(A10G-24GB\) has 21\.60 GiB",
        r"optimiser state 7\.48 GiB \(8 B a parameter / 8 ranks\)",
        r"activations 1\.\d\d GiB \(32 blocks x 4096 tokens, checkpointing full\)",
        r"The smallest that would do is 2 x ml\.p5\.4xlarge\.$",
    ],
)
def test_the_error_says(part: str) -> None:
    with pytest.raises(ContractError, match=part):
        check_fit(FULL, "ml.g5.48xlarge", 1)


@pytest.mark.slow
def test_the_smallest_has_the_least_memory_of_all_that_fit() -> None:
    found = smallest(FULL, like=instance("ml.g5.48xlarge"))
    assert found is not None
    clusters = [(host.accelerators * host.accelerator_memory_gib * count, host.name, count)
                for host in CATALOGUE.values() for count in (1, 2)]  # fmt: skip
    least = next(memory for memory, *cluster in clusters if tuple(cluster) == found)
    for memory, name, count in clusters:
        if 0 < memory < least and not name.startswith("ml.trn"):
            with pytest.raises(ContractError):
                check_fit(FULL, name, count)


def test_of_equal_clusters_the_one_with_the_smallest_hosts_is_taken() -> None:
    assert smallest(run(Ddp(), BytesLm(), precision=Precision()), like=instance("ml.g4dn.16xlarge")) == (
        "ml.g4dn.xlarge", 1,
    )  # fmt: skip


@given(st.sampled_from(sorted(CATALOGUE)), st.sampled_from([1, 2, 4, 8]), st.sampled_from([Ddp(), Fsdp()]))
@pytest.mark.slow
def test_what_is_said_to_do_does(name: str, count: int, strategy: ParallelStrategy) -> None:
    it = run(strategy, LLAMA_1B, global_batch_size=128, precision=Precision(compute="float16"))
    said = ""
    try:
        check_fit(it, name, count)
    except ContractError as error:
        said = error.way_out
    for hosts, host in re.findall(r"^The smallest that would do is (\d+) x (ml\.[\w.-]+)\.$", said):
        check_fit(it, host, int(hosts))
    assert said == "" or said.startswith("The smallest")


def test_where_nothing_would_do_other_ways_are_named() -> None:
    large = replace(LLAMA_8B, layers=4000)
    with pytest.raises(ContractError, match=r"Nothing in the catalogue would do, up to 64 hosts: take Fsdp\(\)"):
        check_fit(run(Ddp(), large), "ml.p5.48xlarge", 2)


def test_a_cpu_type_is_held_against_its_own_memory() -> None:
    with pytest.raises(ContractError, match=r"the host has 7\.20 GiB, besides a reserve of 10%"):
        check_fit(run(Fsdp(), LLAMA_1B, precision=Precision()), "ml.m5.large", 2)


def test_a_cpu_type_is_offered_a_cpu_type() -> None:
    with pytest.raises(ContractError, match=r"The smallest that would do is \d+ x ml\.[cm]\d"):
        check_fit(run(Fsdp(), LLAMA_1B, precision=Precision()), "ml.m5.large", 2)


def test_what_is_offloaded_must_fit_the_host() -> None:
    offloaded = run(Fsdp(cpu_offload=True), replace(LLAMA_8B, layers=80, vocabulary=32000), global_batch_size=8)
    with pytest.raises(ContractError, match=r"its 4 ranks need an estimated .* of host memory and there are 172\.80"):
        check_fit(replace(offloaded, micro_batch_size=None), "ml.g6.12xlarge", 1)


def test_what_cannot_be_estimated_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Digits, "size", dataclasses.replace(Digits().size, kept=0))
    fit = check_fit(run(Ddp(), Digits(), precision=Precision()), "ml.m5.large", 2)
    assert len(fit.notes) == 1
    assert fit.notes[0].startswith("digits: the estimate of ")
    assert "is without activations" in fit.notes[0]


@pytest.mark.parametrize(("compute", "name"), [("bfloat16", "ml.p3.16xlarge"), ("float8", "ml.p4d.24xlarge")])
def test_a_format_that_the_accelerator_lacks_is_refused(compute: str, name: str) -> None:
    with pytest.raises(ContractError, match=rf"precision\.compute: got '{compute}'.*H100-80GB"):
        check_fit(run(Fsdp(), precision=Precision(compute=compute)), name, 1)


def test_a_run_that_does_not_fit_the_world_says_so() -> None:
    with pytest.raises(ContractError, match=r"global_batch_size: got .* ranks that load data .24"):
        check_fit(run(Fsdp()), "ml.p5.48xlarge", 3)


def test_the_reserve_is_a_share() -> None:
    assert 0 < RESERVE < 0.5
