"""Settings as a model configuration and as Python."""

from __future__ import annotations

import pytest

from ml_contract import packaging
from ml_contract.packaging import CpuInstances, DynamicBatching, PackageOptions
from trainyard.tune.settings import Settings

_CONFIGURATION = {
    "name": "m",
    "instance_group": [{"kind": "KIND_CPU", "count": 1}],
    "parameters": {"intra_op_thread_count": {"string_value": "1"}},
    "dynamic_batching": {"max_queue_delay_microseconds": 7},
}


def test_settings_change_a_copy_of_the_configuration() -> None:
    """Batcher, copies, threads; nothing else."""
    batching = DynamicBatching(max_queue_delay_microseconds=100, preferred_sizes=(4, 8))
    changed = Settings(batching=batching, instances=2, threads=4).applied(_CONFIGURATION)
    assert changed == {
        "name": "m",
        "instance_group": [{"kind": "KIND_CPU", "count": 2}],
        "parameters": {"intra_op_thread_count": {"string_value": "4"}},
        "dynamic_batching": {"preferred_batch_size": [4, 8], "max_queue_delay_microseconds": 100},
    }
    assert "dynamic_batching" not in Settings().applied(_CONFIGURATION)
    assert _CONFIGURATION["dynamic_batching"] == {"max_queue_delay_microseconds": 7}


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(batching=DynamicBatching()),
        Settings(
            batching=DynamicBatching(max_queue_delay_microseconds=500, preferred_sizes=(2, 8)), instances=2, threads=4
        ),
    ],
)
def test_the_snippet_is_what_was_measured(settings: Settings) -> None:
    """Pasted, it builds the same options."""
    lines = settings.snippet("python").splitlines()
    names = {name: getattr(packaging, name) for name in lines[0].partition("import ")[2].split(", ")}
    built = eval(lines[-1], names)
    expected = PackageOptions(
        backend="python",
        batching=settings.batching,
        instances=CpuInstances(count=settings.instances),
        threads=settings.threads,
    )
    assert built == expected
