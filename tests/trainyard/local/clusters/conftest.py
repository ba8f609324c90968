"""A cloud of stand-ins for each test, which leaves no machine behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trainyard.local.clusters.stand_in import Cloud


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    made = Cloud(tmp_path)
    yield made
    made.end()
    assert not made.place.alive()
