"""cdk-nag and the review of policies: no finding without a reason, no reason without a finding."""

import json
import re

import pytest
from synthesis import assembly

from stacks.acknowledgements import ACKNOWLEDGEMENTS, reason_for


def report(plugin: str = "AwsSolutions") -> dict:
    reports = json.loads((assembly() / "validation-report.json").read_text())["pluginReports"]
    (found,) = (entry for entry in reports if entry["pluginName"] == plugin)
    return found


@pytest.mark.parametrize("plugin", ["AwsSolutions", "PolicyReview", "CfnGuard"])
def test_nothing_is_found_that_was_not_acknowledged(plugin: str) -> None:
    assert report(plugin)["conclusion"] == "success"
    assert report(plugin)["violations"] == []


def test_every_acknowledgement_is_still_needed() -> None:
    suppressed = [entry["ruleName"] for entry in report()["suppressedViolations"]]
    suppressed += [entry["ruleName"] for entry in report("PolicyReview")["suppressedViolations"]]
    suppressed += [entry["ruleName"] for entry in report("CfnGuard")["suppressedViolations"]]
    unused = [entry for entry in ACKNOWLEDGEMENTS
              if not any(re.search(entry.finding, name) for name in suppressed)]  # fmt: skip
    assert unused == []


def test_every_reason_names_what_is_left_to_fear() -> None:
    assert all(" Left: " in entry.reason for entry in ACKNOWLEDGEMENTS)


def test_a_finding_is_accepted_in_its_place_only() -> None:
    finding = "AwsSolutions-IAM5[Resource::*]"
    assert reason_for(finding, "Local/Training/Pipeline/Jobs/Role/DefaultPolicy/Resource")
    assert reason_for(finding, "Local/Training/Pipeline/Role/DefaultPolicy/Resource") is None
    assert reason_for("AwsSolutions-IAM4", "Local/Training/Pipeline/Jobs/Role/DefaultPolicy/Resource") is None


def test_a_whole_bucket_is_never_accepted() -> None:
    finding = 'AwsSolutions-IAM5[Resource::{"Fn::GetStackOutput":{"StackName":"a"}}/*]'
    assert reason_for(finding, "Local/Training/Pipeline/Jobs/Role/DefaultPolicy/Resource") is None
