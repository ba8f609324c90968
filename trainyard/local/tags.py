"""Tags of every resource of the service: ListTags, AddTags, DeleteTags."""

import re
from typing import Any

from trainyard.local.api.errors import invalid
from trainyard.local.api.service import Answer, Caller, Context, Request, operation, page
from trainyard.local.api.store import Document

_MOST_TAGS = 50
"""Tags a resource can have (AddTags, API reference, read 2026-11)."""
_RESOURCE = re.compile(r"arn:[^:]+:sagemaker:[^:]*:[^:]*:(?P<type>[^/]+)(/[^/]+/(?P<part>[^/]+)/[^/]+)?.*")


class Tags:
    """The family of tags: it keeps the `Tags` of the document whose own ARN field is the resource's ARN."""

    def __init__(self, context: Context) -> None:
        """Takes what the families share."""
        self._store = context.store

    @operation("ListTags")
    def list(self, request: Request, _caller: Caller) -> Answer:
        """The tags of a resource."""
        _, _, document = self._find(request["ResourceArn"])
        return page(document.get("Tags", []), request, "Tags", identity="Key", default=50)

    @operation("AddTags")
    def add(self, request: Request, _caller: Caller) -> Answer:
        """Adds tags, or gives those there are new values."""
        kind, key, _ = self._find(request["ResourceArn"])

        def change(document: Document) -> None:
            tags = {tag["Key"]: tag["Value"] for tag in [*document.get("Tags", []), *request["Tags"]]}
            if len(tags) > _MOST_TAGS:
                raise invalid(f"Tags: got {len(tags)} in all, but a resource can have {_MOST_TAGS}. Delete some first.")
            document["Tags"] = [{"Key": name, "Value": value} for name, value in tags.items()]

        return {"Tags": self._store.modify(kind, key, change)["Tags"]}

    @operation("DeleteTags")
    def delete(self, request: Request, _caller: Caller) -> Answer:
        """Removes tags by key."""
        kind, key, _ = self._find(request["ResourceArn"])

        def change(document: Document) -> None:
            document["Tags"] = [tag for tag in document.get("Tags", []) if tag["Key"] not in request["TagKeys"]]

        self._store.modify(kind, key, change)
        return {}

    def _find(self, arn: str) -> tuple[str, str, dict[str, Any]]:
        match = _RESOURCE.fullmatch(arn)
        # training-job → TrainingJobArn, pipeline/NAME/execution/ID → PipelineExecutionArn
        words = f"{match['type']}-{match['part'] or ''}".split("-") if match else []
        field = "".join(word.capitalize() for word in words) + "Arn"
        found = self._store.find(field, arn)
        if found is None:
            raise invalid(
                f"ResourceArn: got {arn!r}, but there is no such resource. Take the ARN from a Describe call."
            )
        return found
