"""What clusters bill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.trainyard.cost.scenes import MONTH, estimated, lines
from trainyard.cost.lines import Kind, Range


def cluster(**group: Any) -> dict[str, Any]:
    groups = [{"InstanceGroupName": "workers", "InstanceType": "ml.g5.2xlarge", "InstanceCount": 4} | group]
    return {"Cluster": {"Type": "AWS::SageMaker::Cluster", "Properties": {"InstanceGroups": groups}}}


def test_a_cluster_bills_for_nodes_and_their_volumes(tmp_path: Path) -> None:
    volumes = [{"EbsVolumeConfig": {"VolumeSizeInGB": 500}}, {"EbsVolumeConfig": {"RootVolume": True}}]
    nodes, volume = lines(estimated(tmp_path, cluster(InstanceStorageConfigs=volumes)), "Cluster")
    assert (nodes.monthly, volume.monthly) == (Range.of(4 * 2 * MONTH), Range.of(4 * 500 * 0.1))


def test_a_cluster_without_a_price_is_unknown_with_a_scale_and_never_nothing(tmp_path: Path) -> None:
    (line,) = lines(estimated(tmp_path, cluster(InstanceType="ml.p5.48xlarge")), "Cluster")
    assert (line.kind, line.monthly, line.missing) == (Kind.UNKNOWN, None, ("ml.p5.48xlarge/cluster",))
    assert "EC2 alone takes 55 an hour for one, 160,600 a month for 4" in line.how


def test_spot_nodes_are_an_assumption_and_planned_ones_have_their_own_price(tmp_path: Path) -> None:
    (spot,) = lines(estimated(tmp_path, cluster(InstanceType="ml.p4d.24xlarge", CapacityRequirements={"Spot": {}})),
                    "Cluster")  # fmt: skip
    assert (spot.kind, spot.monthly) == (Kind.USE, Range.of(4 * 9.83 * MONTH))
    (plan,) = lines(estimated(tmp_path, cluster(InstanceType="ml.p4d.24xlarge", TrainingPlanArn="arn")), "Cluster")
    assert plan.monthly == Range.of(4 * 13.57 * MONTH)
