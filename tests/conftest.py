"""What several parts of the tests share."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A time limit for one example fails on a busy machine; pytest-timeout watches over whole tests.
settings.register_profile("trainyard", deadline=None)
settings.load_profile("trainyard")
# CDK's own validation is half of every synthesis; `make synth` is the gate that runs it.
os.environ.setdefault("CDK_VALIDATION", "false")
# For `import synthesis`; at the end, so that nothing here hides a package of the project.
sys.path.append(str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def no_client_outlives_its_test() -> Iterator[None]:
    """The SageMaker SDK and boto3 keep their first clients for the whole process, whichever cloud they talked to."""
    yield
    if "sagemaker.core.utils.utils" in sys.modules:
        type(sys.modules["sagemaker.core.utils.utils"].SageMakerClient)._instances.clear()
    if "boto3" in sys.modules:
        sys.modules["boto3"].DEFAULT_SESSION = None
