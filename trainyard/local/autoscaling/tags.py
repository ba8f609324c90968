"""Tags of scalable targets: TagResource, UntagResource, ListTagsForResource."""

from __future__ import annotations

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.service import Answer, Caller, Context, Request, operation
from trainyard.local.api.store import Document
from trainyard.local.autoscaling.targets import TARGET

_MOST_TAGS = 50
"""Tags a scalable target can have (TagResource, API reference, read 2026-11)."""


class Tags:
    """The family of tags."""

    def __init__(self, context: Context) -> None:
        """Composes the operations."""
        self._store = context.store

    @operation("ListTagsForResource")
    def list(self, request: Request, _: Caller) -> Answer:
        """The tags of a target."""
        return {"Tags": self._find(request)[1].get("Tags", {})}

    @operation("TagResource")
    def add(self, request: Request, _: Caller) -> Answer:
        """Adds tags, or gives those there are new values."""
        key, document = self._find(request)
        tags = {**document.get("Tags", {}), **request["Tags"]}
        if len(tags) > _MOST_TAGS:
            raise ServiceError("TooManyTagsException", f"Tags: got {len(tags)} in all, but a target has {_MOST_TAGS}.")
        self._store.update(TARGET, key, Tags=tags)
        return {}

    @operation("UntagResource")
    def remove(self, request: Request, _: Caller) -> Answer:
        """Removes tags by key."""
        key, document = self._find(request)
        tags = {name: value for name, value in document.get("Tags", {}).items() if name not in request["TagKeys"]}
        self._store.update(TARGET, key, Tags=tags)
        return {}

    def _find(self, request: Request) -> tuple[str, Document]:
        found = self._store.find("ScalableTargetARN", request["ResourceARN"])
        if found is None:
            raise ServiceError("ResourceNotFoundException", f"There is no scalable target {request['ResourceARN']}.")
        return found[1], found[2]
