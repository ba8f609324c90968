"""Batch sizes out of a Triton's metrics."""

from __future__ import annotations

from trainyard.load.batches import Counts, read_metrics, total

_TEXT = """# HELP nv_inference_request_success Number of successful inference requests, all batch sizes
# TYPE nv_inference_request_success counter
nv_inference_request_success{model="bert",version="1"} 640
nv_inference_request_success{model="tiny",version="1"} 2
nv_inference_exec_count{model="bert",version="1"} 8e+01
nv_inference_exec_count{model="tiny",version="1"} 2
nv_inference_count{model="bert",version="1"} 640
"""


def test_counts_are_read_by_model() -> None:
    """And added up."""
    assert read_metrics(_TEXT)["bert"] == Counts(requests=640, executions=80)
    assert total(read_metrics(_TEXT)) == Counts(requests=642, executions=82)


def test_the_mean_is_of_what_happened_in_between() -> None:
    """None where nothing ran, or another server answers now."""
    before = Counts(requests=100, executions=50)
    assert Counts(requests=740, executions=130).mean_batch(before) == 8
    assert before.mean_batch(before) is None
    assert Counts(requests=1, executions=1).mean_batch(before) is None
