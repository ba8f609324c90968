"""Look-ups in the emulator's memory."""

from __future__ import annotations

from collections.abc import Callable

SETUP = """
import asyncio
from ministack.services import cloudwatch, ec2, kms, s3, sns
from trainyard.local.hooks.references import exists
s3._buckets["b"] = {"objects": {}}
ec2._subnets["subnet-1"] = {}
ec2._security_groups["sg-1"] = {}
arn = "arn:aws:kms:us-east-1:123456789012:key/k-1"
kms._keys["k-1"] = {"Arn": arn, "KeyState": "Enabled"}
kms._keys["k-2"] = {"Arn": arn.replace("k-1", "k-2"), "KeyState": "Disabled"}
kms._aliases["arn:aws:kms:us-east-1:123456789012:alias/a"] = "k-1"
cloudwatch._alarms["high"] = cloudwatch._composite_alarms["both"] = {}
sns._topics["arn:aws:sns:us-east-1:123456789012:t"] = {}
asked = [("alarm", "high"), ("alarm", "both"), ("topic", "arn:aws:sns:us-east-1:123456789012:t"),
         ("bucket", "b"), ("bucket", "arn:aws:s3:::b"), ("subnet", "subnet-1"), ("security_group", "sg-1"),
         ("key", "k-1"), ("key", arn), ("key", "alias/a")]
missing = [("alarm", "low"), ("topic", "t"),
           ("bucket", "c"), ("subnet", "subnet-2"), ("security_group", "sg-2"), ("key", "k-3"), ("key", "k-2"),
           ("key", "alias/b")]
print(json.dumps([[x for x in asked if not exists(*x)], [x for x in missing if exists(*x)]]))
"""


def test_what_is_there_is_found_and_nothing_else(beside_the_emulator: Callable) -> None:
    assert beside_the_emulator(SETUP) == [[], []]
