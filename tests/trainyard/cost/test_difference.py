"""A change against what was before: per resource, new, gone, changed, and unknown."""

from __future__ import annotations

from pathlib import Path

from tests.trainyard.cost.scenes import KEY, NAT, estimated
from trainyard.cost.difference import as_json, as_lines, as_markdown, compare
from trainyard.cost.estimate import Estimate

STRANGE = {"Type": "AWS::Unheard::Of"}


def of(folder: Path, name: str, resources: dict[str, object]) -> Estimate:
    (folder / name).mkdir()
    return estimated(folder / name, resources)


def test_only_what_differs_is_told_the_largest_first(tmp_path: Path) -> None:
    was = of(tmp_path, "was", {"Key": KEY, "Old": KEY, "Nat": NAT})
    will = of(tmp_path, "will", {"Key": KEY, "Nat": NAT, "More": NAT})
    changes = compare(was, will)
    assert [(each.what, each.logical_id) for each in changes] == [("new", "More"), ("gone", "Old")]
    assert [round(each.monthly[0], 2) for each in changes] == [37.35, -1.3]
    assert list(as_lines(changes))[-1] == "in all +36.05 a month"


def test_a_retention_is_a_change(tmp_path: Path) -> None:
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 30}}
    longer = {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 365}}
    (change,) = compare(of(tmp_path, "was", {"Log": group}), of(tmp_path, "will", {"Log": longer}))
    assert (change.what, round(change.monthly[0], 3)) == ("changed", round(5 * (365 - 30) / 30 * 0.03, 3))


def test_what_becomes_unknown_is_told_beside_the_sum(tmp_path: Path) -> None:
    """A difference of nothing, and one line that nobody can price."""
    changes = compare(of(tmp_path, "was", {"Key": KEY}), of(tmp_path, "will", {"Key": KEY, "It": STRANGE}))
    text = as_markdown(changes)
    assert "in all +0.00 a month and +1 unknown" in text
    assert "| new | `stack` It (AWS::Unheard::Of) | – | 0.00 + 1 unknown | +0.00 and +1 unknown |  |" in text
    assert as_json(changes)[0]["unknown"] == 1


def test_no_difference_says_so(tmp_path: Path) -> None:
    changes = compare(of(tmp_path, "was", {"Key": KEY}), of(tmp_path, "will", {"Key": KEY}))
    assert list(as_lines(changes)) == ["no resource costs something else"]
    assert as_markdown(changes).endswith("Nothing: every resource costs what it cost before.")


def test_what_has_no_price_is_a_change_too(tmp_path: Path) -> None:
    """Two more of the dearest nodes must not read as no difference."""

    def cluster(count: int) -> dict[str, object]:
        group = {"InstanceGroupName": "workers", "InstanceType": "ml.p5.48xlarge", "InstanceCount": count}
        return {"Cluster": {"Type": "AWS::SageMaker::Cluster", "Properties": {"InstanceGroups": [group]}}}

    (change,) = changes = compare(of(tmp_path, "was", cluster(16)), of(tmp_path, "will", cluster(18)))
    assert change.monthly == (0, 0)
    first, last = as_lines(changes)
    assert "workers: 16 × ml.p5.48xlarge, on demand → workers: 18 × ml.p5.48xlarge, on demand" in first
    assert last == "in all +0.00 a month; what is unknown changes in 1"
    assert compare(of(tmp_path, "a", cluster(16)), of(tmp_path, "b", cluster(16))) == []
