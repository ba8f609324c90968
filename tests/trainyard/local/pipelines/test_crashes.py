"""Whatever the graph, and wherever the cloud dies: each step runs once, after what it depends on, and all ends."""

import json
import time
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainyard.local.api.store import Store
from trainyard.local.pipelines.calls import Calls
from trainyard.local.pipelines.executor import Executor
from trainyard.local.pipelines.records import DEFINITION, EXECUTION, execution_of

from .conftest import ROLE, TRAINING, FakeCloud

FAILED = {"TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: no"}


class Crash(Exception):
    """The process is gone."""


class MortalStore(Store):
    """Dies before or after the writes with these numbers."""

    def __init__(self, file, deaths):
        super().__init__(file)
        self.deaths = deaths
        self.writes = 0

    def modify(self, kind, key, change):
        self._die("before")
        changed = super().modify(kind, key, change)
        self._die("after")
        self.writes += 1
        return changed

    def _die(self, when):
        if (self.writes, when) in self.deaths:
            self.deaths.remove((self.writes, when))
            raise Crash


@st.composite
def graphs(draw):
    """Steps with the steps they depend on (earlier ones: no cycles), and whether they fail."""
    count = draw(st.integers(1, 5))
    return [
        (f"S{index}", [f"S{other}" for other in range(index) if draw(st.booleans())], draw(st.integers(0, 3)) == 0)
        for index in range(count)
    ]


def predicted(graph):
    """The statuses that the rules demand; a step without one never starts."""
    statuses = {}
    for name, dependencies, fails in graph:
        if all(statuses.get(other) == "Succeeded" for other in dependencies):
            statuses[name] = "Failed" if fails else "Succeeded"
    return statuses


def begin(store, graph):
    arn = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/flow/execution/abcdefghijkl"
    steps = [
        {"Name": name, "Type": "Training", "Arguments": TRAINING, "DependsOn": dependencies}
        for name, dependencies, _ in graph
    ]
    Store.insert(
        store, DEFINITION, arn, {"PipelineDefinition": json.dumps({"Version": "2020-12-01", "Steps": steps[::-1]})}
    )
    now = time.time()
    document = {
        "PipelineArn": arn.partition("/execution")[0],
        "PipelineName": "flow",
        "PipelineExecutionArn": arn,
        "PipelineExecutionId": "abcdefghijkl",
        "PipelineExecutionStatus": "Executing",
        "RoleArn": ROLE,
        "Parameters": {},
        "Steps": {},
        "CreationTime": now,
        "LastModifiedTime": now,
    }
    Store.insert(store, EXECUTION, arn, document)
    return arn


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graphs(), st.sets(st.tuples(st.integers(0, 12), st.sampled_from(["before", "after"])), max_size=6))
def test_every_step_runs_once_after_its_dependencies(tmp_path_factory, graph, deaths):
    store = MortalStore(tmp_path_factory.mktemp("crashes") / "documents.sqlite", set(deaths))
    # Durability is the store's own matter, and syncing to disk what a test writes only takes time.
    store._database.execute("PRAGMA synchronous=OFF")
    fake = FakeCloud()
    fake.fates = {name: [FAILED] for name, _, fails in graph if fails}
    arn = begin(store, graph)
    calls = Calls(fake.clients(ROLE))
    executor = Executor(arn, store, calls)
    for _ in range(100):
        try:
            if executor.advance() is None:
                break
        except Crash:
            executor = Executor(arn, store, calls)
    document = execution_of(store, arn)
    store.close()

    expected = predicted(graph)
    assert {name: record["StepStatus"] for name, record in document["Steps"].items()} == expected
    assert document["PipelineExecutionStatus"] == ("Failed" if "Failed" in expected.values() else "Succeeded")
    assert sorted(fake.names()) == sorted(expected), "each step made one job"
    order = fake.names()
    for name, dependencies, _ in graph:
        if name in expected:
            assert all(order.index(other) < order.index(name) for other in dependencies)


def test_the_store_of_this_test_does_die(tmp_path):
    store = MortalStore(tmp_path / "documents.sqlite", {(0, "after")})
    arn = begin(store, [("S0", [], False)])
    with pytest.raises(Crash):
        Executor(arn, store, Calls(lambda service: SimpleNamespace())).advance()
    assert execution_of(store, arn)["Steps"]["S0"]["StepStatus"] == "Starting"
    store.close()
