"""Fifty models behind one endpoint of a real Triton whose memory holds ten, asked by several clients at once.

Triton 2.51 needs two seconds to unload a model, so this takes minutes: `make soak` runs it.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from trainyard.local.cloud import Cloud
from trainyard.local.namespaces.network import available

from .conftest import Maker
from .test_endpoints import STUB, processes
from .test_many_models_served import adder, ask

pytestmark = [
    pytest.mark.soak, pytest.mark.slow, pytest.mark.timeout(1800),
    pytest.mark.skipif(bool(available()), reason=available() or "-"),
]  # fmt: skip
MODELS, FIT, CLIENTS = 50, 10, 6
# /dev/shm of an ml.c5.large, half of its 4 GiB; a region is a little more than what it is asked for.
REGION = str(2 * 2**30 // FIT - 2**23)
POPULAR = range(6)
LOADED_SECONDS = 1.0
"""An answer that took longer waited for a model to be loaded."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request and what came of it, also of its repetitions."""

    model: int
    answer: int
    wanted: int
    seconds: float
    told: tuple[str, ...]
    """Errors that the client was told before the answer."""


def traffic(seed: int) -> list[int]:
    """Every model twice, at two times, and between them a few that are popular."""
    chosen = random.Random(seed)
    rounds = [chosen.sample(range(MODELS), MODELS) for _ in range(2)]
    rare = [model for each in rounds for model in each]
    return [model for each in rare for model in (each, chosen.choice(POPULAR))]


@pytest.fixture(scope="module")
def shared() -> dict[str, str]:
    return {}


@pytest.fixture
def served(make: Maker, shared: dict[str, str], tmp_path: Path) -> str:
    if "name" not in shared:
        archives = {target(number): adder(tmp_path / f"m{number}", 100 * number) for number in range(MODELS)}
        model = make.many_models(archives, Environment={"SAGEMAKER_TRITON_SHM_DEFAULT_BYTE_SIZE": REGION})
        shared["name"] = make.endpoint(make.config(model, instance="ml.c5.large"))
    return shared["name"]


def target(model: int) -> str:
    return f"m{model}.tar.gz"


def exchange(make: Maker, name: str, model: int, value: int, *, patience: float = 0) -> Exchange:
    """Ask one model, again and again where an error says so, as long as `patience` seconds."""
    began, told = time.monotonic(), []
    while True:
        try:
            answer = ask(make, name, target(model), value)
            break
        except ClientError as error:
            told.append(error.response["Error"]["Code"])
            if time.monotonic() - began > patience:
                raise
            time.sleep(0.2)
    seconds = time.monotonic() - began
    return Exchange(model=model, answer=answer, wanted=100 * model + value, seconds=seconds, told=tuple(told))


@contextmanager
def most_workers(cloud: Cloud) -> Iterator[list[int]]:
    """How many worker processes there are, looked at all the time."""
    seen, done = [0], threading.Event()

    def look() -> None:
        while not done.wait(0.2):
            seen.append(len(processes(cloud, STUB)))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def report(title: str, exchanges: list[Exchange], seconds: float, workers: list[int]) -> None:
    """What came of it, for whoever runs it."""
    quick = [1000 * each.seconds for each in exchanges if each.seconds < LOADED_SECONDS]
    waited = [each.seconds for each in exchanges if each.seconds >= LOADED_SECONDS]
    told = Counter(code for each in exchanges for code in each.told)
    print(
        f"\n{title}: {len(exchanges)} requests to {MODELS} models by {CLIENTS} clients in {seconds:.0f} s, "
        f"at most {max(workers)} loaded\n  {len(quick)} answered at once, median {statistics.median(quick):.1f} ms; "
        f"{len(waited)} waited for a load, median {statistics.median(waited):.1f} s, worst {max(waited):.1f} s\n"
        f"  errors told: {dict(told) or 'none'}"
    )


def wrong(exchanges: list[Exchange]) -> list[Exchange]:
    return [each for each in exchanges if each.answer != each.wanted]


def test_every_answer_is_the_right_models_while_models_go_and_come_back(make: Maker, served: str, cloud: Cloud) -> None:
    wanted, began = traffic(seed=1), time.monotonic()
    with most_workers(cloud) as workers, ThreadPoolExecutor(CLIENTS) as pool:
        found = list(pool.map(lambda pair: exchange(make, served, pair[1], pair[0]), enumerate(wanted)))
    report("undisturbed", found, time.monotonic() - began, workers)
    assert not wrong(found)
    assert [each.told for each in found if each.told] == []
    assert {each.model for each in found} == set(range(MODELS))
    assert max(workers) == FIT


def test_a_killed_worker_takes_no_answer_with_it(make: Maker, served: str, cloud: Cloud) -> None:
    wanted, began = traffic(seed=2)[:MODELS], time.monotonic()
    answered, killed = threading.Semaphore(0), []

    def one(pair: tuple[int, int]) -> Exchange:
        found = exchange(make, served, pair[1], pair[0], patience=120)
        answered.release()
        return found

    def kill() -> None:
        for _ in range(len(wanted) // 3):
            answered.acquire()
        killed.append(processes(cloud, STUB)[0])
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    with most_workers(cloud) as workers, ThreadPoolExecutor(CLIENTS) as pool:
        killer.start()
        found = list(pool.map(one, enumerate(wanted)))
    killer.join()
    report("one worker killed", found, time.monotonic() - began, workers)
    assert killed
    assert not wrong(found)
    assert {code for each in found for code in each.told} <= {"ModelError", "ServiceUnavailable"}
    assert max(workers) <= FIT
