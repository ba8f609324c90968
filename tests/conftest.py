"""What several parts of the tests share."""

import functools
import gc
import importlib
import os
import re
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers
from xdist.scheduler import LoadFileScheduling

# A time limit for one example fails on a busy machine; pytest-timeout watches over whole tests. A gate draws the same
# examples for the same test, so that it closes for what was changed; `make explore` draws others each time.
settings.register_profile("trainyard", deadline=None, derandomize=True)
# Hypothesis begins from what CI wants where it finds itself there.
settings.register_profile("explore", deadline=None, derandomize=False, print_blob=True)
settings.load_profile("trainyard")
# CDK's own validation is half of every synthesis; `make synth` is the gate that runs it.
os.environ.setdefault("CDK_VALIDATION", "false")
# The tests' processes share the processors: PyTorch's threads would spin while they wait, each for its own product.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Every session of boto3 reads the definitions of the APIs again, and a process of tests has hundreds: they share them.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)
# For `import synthesis`; at the end, so that nothing here hides a package of the project.
sys.path.append(str(Path(__file__).parent))
# Here first, in the controller: its processes share what one of them synthesises.
importlib.import_module("synthesis")


TOGETHER = "tests/trainyard/local/hosting/kinds/"
"""A folder whose tests share one cloud."""
SCRIPTS = "tests/cluster_code/test_scripts.py"
"""A file whose tests share nothing but the file of bats that each stands for."""


WHOLLY_SLOW = re.compile(r"^pytestmark = .*\bpytest\.mark\.slow\b", re.MULTILINE)


class ByWhatIsShared(LoadFileScheduling):
    """Tests of a file share its fixtures, and so a process; those of the deployed environment share its deployment."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        if file.startswith(TOGETHER):
            return TOGETHER
        if file == SCRIPTS:
            return nodeid.partition(": ")[0]
        return "deployed" if file.startswith("tests/e2e/") and not file.endswith("test_demo.py") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByWhatIsShared:
    return ByWhatIsShared(config, log)


def pytest_configure(config: pytest.Config) -> None:
    """Hypothesis mixes constants of all modules that are loaded into its examples: of those that explore alone.

    Otherwise the examples of a gate would follow the tests that ran before in the same process, and every change of a
    constant anywhere would give each property others.
    """
    if settings.get_current_profile_name() != "explore":
        none = providers._local_constants
        providers._get_local_constants = lambda: none


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Imports make millions of objects, and none of them is ever garbage: nobody looks for it, then or later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A file of slow tests alone is not even imported where those are left out: some import for seconds."""
    if "not slow" in config.option.markexpr and collection_path.suffix == ".py":
        return True if WHOLLY_SLOW.search(collection_path.read_text()) else None
    return None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long goes first, so that no process waits for another at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: 0 if item.get_closest_marker("e2e") else 1 if item.path in slow else 2)


@pytest.fixture(autouse=True)
def no_client_outlives_its_test() -> Iterator[None]:
    """The SageMaker SDK and boto3 keep their first clients for the whole process, whichever cloud they talked to."""
    yield
    if "sagemaker.core.utils.utils" in sys.modules:
        type(sys.modules["sagemaker.core.utils.utils"].SageMakerClient)._instances.clear()
    if "boto3" in sys.modules:
        sys.modules["boto3"].DEFAULT_SESSION = None


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("lmi") and "TRAINYARD_LMI" not in os.environ:
        pytest.skip("a real vLLM, 3 GB: `make lmi`")
    if item.get_closest_marker("soak") and "TRAINYARD_SOAK" not in os.environ:
        pytest.skip("minutes of load: `make soak`")
    if item.get_closest_marker("slurm") and "TRAINYARD_SLURM_RUN" not in os.environ:
        pytest.skip("a real Slurm on four nodes: `make test-slurm`")
