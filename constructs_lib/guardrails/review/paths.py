"""Constructs by the paths that reports of CDK's validation name."""

from constructs import IConstruct


def construct_at(scope: IConstruct, path: str) -> IConstruct:
    """The construct at a path, for example ``Prod/Network``.

    Args:
        scope: Where the path begins: the app.
        path: Ids, parted by slashes.

    Raises:
        RuntimeError: There is none.
    """
    for part in path.split("/"):
        scope = scope.node.find_child(part)
    return scope
