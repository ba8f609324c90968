"""What a cache of models tells of itself."""

from __future__ import annotations

from trainyard.local.hosting.exchange import Reply
from trainyard.local.hosting.model_cache import ModelCache


class _Models:
    """A model that says, while it is loaded, whether the cache says so."""

    cache: ModelCache
    seen: bool | None = None

    def fetch(self, target: str) -> float | None:
        return None

    def load(self, target: str, seconds: float) -> Reply:
        self.seen = self.cache.loading_within(0.0)
        return Reply(status=200, headers={}, body=b"")

    def unload(self, target: str, seconds: float) -> None:
        """Nothing."""


def test_a_container_that_loads_is_known_to_load() -> None:
    """While it does, and for as long after it as a health check may have waited."""
    models = _Models()
    models.cache = cache = ModelCache(models, keep=True)
    assert not cache.loading_within(60.0)
    with cache.use("m", 10.0):
        assert models.seen
        assert cache.loading_within(60.0)
        assert not cache.loading_within(0.0)
