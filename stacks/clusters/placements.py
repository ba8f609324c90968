"""Whether there is the queue in which something waits: one that nobody makes admits nothing, and says so to nobody."""

from __future__ import annotations

from constructs_lib.governance import GovernanceSettings
from constructs_lib.hyperpod.eks.kueue import SharedQueue
from constructs_lib.hyperpod.eks.queues import Placement, Queued, TeamQueue
from ml_contract.errors import reject


def check_placement(
    field: str, placement: Placement, *, governance: GovernanceSettings | None, queue: SharedQueue | None
) -> None:
    """Hold a placement against what the cluster has.

    Args:
        field: Whose it is, for the message.
        placement: Namespace and queue.
        governance: The cluster's quotas; None: it has none.
        queue: Its shared queue; None: it has none.

    Raises:
        ContractError: Nobody makes this queue.
    """
    if isinstance(placement, TeamQueue):
        quotas = [quota.team for quota in governance.quotas] if governance else []
        classes = [one.name for one in governance.policy.classes] if governance else []
        for name, asked, known in (("team", placement.team, quotas), ("priority", placement.priority, classes)):
            if asked not in known:
                reject(f"{field}.{name}", asked, f"the cluster's governance has {', '.join(known) or 'none'}",
                       "Name one of these, or take Unqueued(name=…).")  # fmt: skip
    elif isinstance(placement, Queued):
        places = queue.namespaces if queue else ()
        ranks = [one.name for one in queue.priorities] if queue else []
        for name, wanted, there in (("name", placement.name, places), ("priority", placement.priority, ranks)):
            if wanted is not None and wanted not in there:
                reject(f"{field}.{name}", wanted, f"the cluster's queue has {', '.join(there) or 'none'}",
                       "Name one of these, or give the cluster queue=SharedQueue(…).")  # fmt: skip
