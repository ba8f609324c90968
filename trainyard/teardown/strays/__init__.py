"""What runs or lies outside of the stacks because of them."""

from __future__ import annotations

from trainyard.teardown.strays.base import Around as Around
from trainyard.teardown.strays.base import Stray as Stray
from trainyard.teardown.strays.base import When as When
from trainyard.teardown.strays.denials import denials
from trainyard.teardown.strays.hosting import Endpoint, hosting
from trainyard.teardown.strays.lasting import lasting
from trainyard.teardown.strays.network import network
from trainyard.teardown.strays.runs import runs


def everything(around: Around) -> list[Stray]:
    """All strays."""
    served = list(hosting(around))
    beside = tuple(each.name for each in served if isinstance(each, Endpoint))
    return [*denials(around), *runs(around), *served, *network(around), *lasting(around, beside)]
