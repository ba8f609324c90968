"""How each way to update an endpoint stands in the template."""

from __future__ import annotations

from typing import Any

import pytest

from constructs_lib.serving.rollout import (
    AllAtOnce,
    Canary,
    Instances,
    Linear,
    Percent,
    RollbackAlarms,
    Rolling,
    Rollout,
    ServerErrorRate,
)

ALARMS = RollbackAlarms(watches=(ServerErrorRate(percent=1),))


def test_all_at_once_waits_for_nothing(scene: Any) -> None:
    config = AllAtOnce().bind(scene.stack, (scene.hosted(),))
    assert config.auto_rollback_configuration is None
    policy = config.blue_green_update_policy
    assert policy.traffic_routing_configuration.type == "ALL_AT_ONCE"
    assert policy.traffic_routing_configuration.wait_interval_in_seconds == 0
    assert (policy.termination_wait_in_seconds, policy.maximum_execution_timeout_in_seconds) == (0, 3600)
    scene.renew()


def test_a_canary_moves_a_part_first(scene: Any) -> None:
    rollout = Canary(alarms=ALARMS, size=Percent(percent=25), bake_seconds=300, termination_wait_seconds=120)
    policy = rollout.bind(scene.stack, (scene.hosted(),)).blue_green_update_policy
    routing = policy.traffic_routing_configuration
    assert (routing.type, routing.wait_interval_in_seconds) == ("CANARY", 300)
    assert (routing.canary_size.type, routing.canary_size.value) == ("CAPACITY_PERCENT", 25)
    assert routing.linear_step_size is None
    assert policy.termination_wait_in_seconds == 120
    scene.renew()


def test_linear_steps_are_equal(scene: Any) -> None:
    rollout = Linear(alarms=ALARMS, size=Instances(count=1), bake_seconds=300)
    routing = rollout.bind(
        scene.stack, (scene.hosted(instance_count=4),)
    ).blue_green_update_policy.traffic_routing_configuration
    assert (routing.type, routing.linear_step_size.type, routing.linear_step_size.value) == (
        "LINEAR", "INSTANCE_COUNT", 1,
    )  # fmt: skip
    scene.renew()


def test_batches_replace_instances(scene: Any) -> None:
    rollout = Rolling(alarms=ALARMS, batch=Percent(percent=20), bake_seconds=120, rollback_batch=Percent(percent=100))
    policy = rollout.bind(scene.stack, (scene.hosted(),)).rolling_update_policy
    assert (policy.maximum_batch_size.value, policy.rollback_maximum_batch_size.value) == (20, 100)
    assert (policy.wait_interval_in_seconds, policy.maximum_execution_timeout_in_seconds) == (120, 3600)
    scene.renew()


def test_batches_replace_copies_of_a_component(scene: Any) -> None:
    rollout = Rolling(alarms=ALARMS, batch=Instances(count=1), bake_seconds=120)
    config = rollout.bind_component(scene.stack, scene.hosted("component", instance_count=4))
    assert config.rolling_update_policy.maximum_batch_size.type == "COPY_COUNT"
    (alarm,) = scene.written().values()
    assert alarm["Properties"]["AlarmName"] == "shop-llama-5xx-rate"


@pytest.mark.parametrize(
    ("make", "refusal"),
    [
        (lambda: Canary(alarms=ALARMS, size=Percent(percent=51), bake_seconds=300), "it is 1–50 %"),
        (lambda: Linear(alarms=ALARMS, size=Percent(percent=9), bake_seconds=120), "it is 10–50 %"),
        (lambda: Linear(alarms=ALARMS, size=Percent(percent=60), bake_seconds=300), "it is 10–50 %"),
        (lambda: Rolling(alarms=ALARMS, batch=Percent(percent=4), bake_seconds=120), "it is 5–50 %"),
        (lambda: Canary(alarms=ALARMS, size=Percent(percent=10), bake_seconds=60), "the fastest alarm needs 120 s"),
        (lambda: AllAtOnce(bake_seconds=600), "without alarms nothing is watched"),
        (lambda: Canary(size=Percent(percent=10), bake_seconds=300), "Canary.alarms: got None, but it has no default"),
        (lambda: Canary(alarms=ALARMS, size=Percent(percent=10), bake_seconds=4000), "at most 3600"),
        (lambda: AllAtOnce(timeout_seconds=599), "at least 600"),
    ],
)
def test_a_size_or_a_wait_out_of_bounds_is_refused(make: Any, refusal: str) -> None:
    with pytest.raises(ValueError, match=refusal):
        make()


@pytest.mark.parametrize(
    ("make", "waits"),
    [
        (lambda t: AllAtOnce(alarms=ALARMS, bake_seconds=600, termination_wait_seconds=300, timeout_seconds=t), 900),
        (lambda t: Canary(alarms=ALARMS, size=Percent(percent=10), bake_seconds=600, timeout_seconds=t), 1200),
        (lambda t: Linear(alarms=ALARMS, size=Percent(percent=30), bake_seconds=300, timeout_seconds=t), 1200),
        (lambda t: Rolling(alarms=ALARMS, batch=Percent(percent=50), bake_seconds=600, timeout_seconds=t), 1200),
    ],
)
def test_the_timeout_is_longer_than_all_waits(make: Any, waits: int) -> None:
    make(waits + 1)
    with pytest.raises(ValueError, match=f"the waits alone are {waits} s"):
        make(waits)


@pytest.mark.parametrize(
    ("rollout", "kind", "hosted", "refusal"),
    [
        (Canary(alarms=ALARMS, size=Percent(percent=10), bake_seconds=300), "serverless", {}, "guardrails hold for"),
        (AllAtOnce(alarms=ALARMS, bake_seconds=300), "serverless", {}, "Use AllAtOnce"),
        (Linear(alarms=ALARMS, size=Percent(percent=10), bake_seconds=120), "real-time",
         {"instance_type": "ml.inf1.xlarge"}, "Inf1"),
        (Canary(alarms=ALARMS, size=Instances(count=2), bake_seconds=300), "real-time", {"instance_count": 3},
         "got '66.6667 % of 3 instances'"),
        (Rolling(alarms=ALARMS, batch=Instances(count=1), bake_seconds=300), "real-time", {"instance_count": 1},
         "got '100 % of 1 instances'"),
        (Linear(alarms=ALARMS, size=Instances(count=1), bake_seconds=600), "real-time", {"instance_count": 10},
         "the waits alone are 6000 s"),
    ],
)  # fmt: skip
def test_what_has_no_such_update_is_refused(
    scene: Any, rollout: Rollout, kind: str, hosted: dict[str, Any], refusal: str
) -> None:
    with pytest.raises(ValueError, match=refusal):
        rollout.check((scene.hosted(kind, **hosted),))


@pytest.mark.parametrize("kind", ["serverless", "real-time"])
def test_what_has_no_guards_is_updated_all_at_once(scene: Any, kind: str) -> None:
    AllAtOnce().check((scene.hosted(kind),))


def test_several_variants_are_not_updated_in_batches(scene: Any) -> None:
    hosted = (scene.hosted(variant="a"), scene.hosted(variant="b"))
    with pytest.raises(ValueError, match="got 'a, b', but an endpoint of several variants"):
        Rolling(alarms=ALARMS, batch=Percent(percent=20), bake_seconds=300).check(hosted)
    Canary(alarms=ALARMS, size=Percent(percent=20), bake_seconds=300).check(hosted)


def test_variants_of_one_name_are_refused(scene: Any) -> None:
    with pytest.raises(ValueError, match="have different names"):
        AllAtOnce().check((scene.hosted(), scene.hosted()))


def test_several_components_share_a_variant(scene: Any) -> None:
    hosted = (scene.hosted("component"), scene.hosted("component", component="bert"))
    Rolling(alarms=ALARMS, batch=Percent(percent=20), bake_seconds=300).check(hosted)


def test_what_begins_with_nothing_is_measured_once_it_has_instances(scene: Any) -> None:
    rollout = Rolling(alarms=ALARMS, batch=Instances(count=1), bake_seconds=300)
    rollout.check((scene.hosted("component", instance_count=0),))


def test_only_a_component_has_copies_to_replace(scene: Any) -> None:
    with pytest.raises(ValueError, match="it is no inference component"):
        Rolling(alarms=ALARMS, batch=Percent(percent=20), bake_seconds=300).bind_component(scene.stack, scene.hosted())
