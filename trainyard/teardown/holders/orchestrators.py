"""Control planes of EKS."""

from __future__ import annotations

from trainyard.teardown.bills import Tariff
from trainyard.teardown.holders.base import Contents, Holder, Say, plain_name
from trainyard.teardown.looking import Look


class ControlPlane(Holder):
    """What was applied to the cluster lives in it alone: volumes, jobs, quotas, secrets."""

    type = "AWS::EKS::Cluster"
    noun = "control plane"
    in_network = True
    _gone = ("ResourceNotFoundException",)

    def arn(self, identity: str, account: str, region: str) -> str:
        return f"arn:aws:eks:{region}:{account}:cluster/{identity}"

    def identity(self, arn: str) -> str | None:
        return plain_name("eks", arn, "cluster/")

    def look(self, look: Look, identity: str, tariff: Tariff) -> Contents | None:
        client = look.client("eks")
        found = look.unless(self._gone, lambda: client.describe_cluster(name=identity))
        if found is None or found["cluster"]["status"] == "DELETING":
            return None
        keys = [each.get("provider", {}).get("keyArn") for each in found["cluster"].get("encryptionConfig", ())]
        return Contents(says=f"what was applied to it, Kubernetes {found['cluster'].get('version', '')}".rstrip(),
                        data=True, bill=tariff.hourly("eks/cluster-hour"), key=next(iter(keys), None))  # fmt: skip

    def empty(self, look: Look, identity: str, say: Say) -> None:
        """The deletion takes along what is in it."""

    def delete(self, look: Look, identity: str, say: Say) -> None:
        client = look.client("eks")
        if look.unless(self._gone, lambda: client.describe_cluster(name=identity)) is None:
            return
        if look.client("eks").describe_cluster(name=identity)["cluster"].get("deletionProtection"):
            client.update_cluster_config(name=identity, deletionProtection=False)
            client.get_waiter("cluster_active").wait(name=identity)
        look.unless(self._gone, lambda: client.delete_cluster(name=identity))
        say(f"{identity}: being deleted")
        client.get_waiter("cluster_deleted").wait(name=identity)
