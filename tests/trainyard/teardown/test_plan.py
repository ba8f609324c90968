"""Whatever there is and whatever may go: nothing goes before what uses it, and nothing that was not named."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trainyard.teardown import scenes
from trainyard.teardown.plan import LOGS, Plan, build, holds_data
from trainyard.teardown.steps import VPC
from trainyard.teardown.strays import When
from trainyard.teardown.survey import Survey


@st.composite
def situations(draw: st.DrawFn) -> tuple[Survey, frozenset[str]]:
    """A survey, and what of it may go."""
    count = draw(st.integers(0, 6))
    names = [f"s{number}" for number in range(count)]
    # A stack uses only such as were made before it.
    needs = {name: set(draw(st.lists(st.sampled_from(names[:number]), max_size=3)) if number else ())
             for number, name in enumerate(names)}  # fmt: skip
    stacks = []
    for name in names:
        network = [scenes.resource(name, "Vpc", VPC)] if draw(st.booleans()) else []
        stacks.append(scenes.stack(name, network, protected=draw(st.booleans())))
    held = []
    for number in range(draw(st.integers(0, 8))):
        kind = draw(st.sampled_from([scenes.BUCKET, scenes.KEY, scenes.LOGS, scenes.FILES]))
        place = draw(st.sampled_from([*names, None]))
        keys = [each.name for each in held if each.holder.noun == "key"]
        data = kind in (scenes.KEY, scenes.FILES) or draw(st.booleans())
        held.append(scenes.held(kind, f"h{number}", place, data=data, retained=place is None or draw(st.booleans()),
                                key=draw(st.sampled_from(["", *keys]))))  # fmt: skip
    strays = [
        scenes.beside(f"beside b{number}", draw(st.sampled_from(When)), data=draw(st.booleans()), record=False)
        for number in range(draw(st.integers(0, 4)))
    ]
    found = scenes.survey(stacks, needs, held, strays)
    names_of_data = holds_data(found)
    return found, frozenset(draw(st.sets(st.sampled_from(names_of_data)))) if names_of_data else frozenset()


def _order(plan: Plan) -> dict[str, int]:
    return {step.id: number for number, step in enumerate(plan.steps)}


@settings(max_examples=30)
@given(situations())
def test_a_stack_goes_after_every_stack_that_uses_it(situation: Any) -> None:
    survey, go = situation
    order = _order(build(survey, go))
    for user, used in survey.needs.items():
        for name in used:
            if f"stack {name}" in order:
                assert f"stack {user}" in order, f"{name} goes under {user}"
                assert order[f"stack {user}"] < order[f"stack {name}"]


@settings(max_examples=30)
@given(situations())
def test_only_what_was_named_loses_its_data(situation: Any) -> None:
    survey, go = situation
    plan = build(survey, go)
    for step in plan.steps:
        if step.held and step.held.contents.data and step.verb in ("empty", "delete"):
            assert (LOGS if step.held.holder.record else step.held.name) in go
        if step.stray and step.stray.data:
            assert step.stray.name_typed in go


@settings(max_examples=30)
@given(situations())
def test_what_its_stack_would_delete_is_kept_apart_before(situation: Any) -> None:
    survey, go = situation
    plan = build(survey, go)
    order, kept = _order(plan), {each.what for each in plan.kept}
    for held in survey.held:
        if held.what in kept and held.stack and f"stack {held.stack}" in order and not held.retained:
            apart = next(step for step in plan.steps if step.id == f"keep apart {held.stack}")
            assert held.logical in apart.logical
            assert order[apart.id] < order[f"stack {held.stack}"]


@settings(max_examples=30)
@given(situations())
def test_a_key_goes_after_everything_under_it_and_never_before_what_is_kept(situation: Any) -> None:
    survey, go = situation
    plan = build(survey, go)
    kept, order = {each.what for each in plan.kept}, _order(plan)
    for held in survey.held:
        key = (held.contents.key or "").rpartition("/")[2]
        if key and held.what in kept:
            assert f"key {key}" in kept
        if f"delete key {key}" in order and f"delete {held.what}" in order and held.holder.noun != "key":
            assert order[f"delete {held.what}"] < order[f"delete key {key}"]


@settings(max_examples=30)
@given(situations())
def test_what_is_kept_in_a_network_keeps_its_stack_and_what_that_uses(situation: Any) -> None:
    survey, go = situation
    plan = build(survey, go)
    kept, order = {each.what for each in plan.kept}, _order(plan)
    for held in survey.held:
        if held.what in kept and held.holder.in_network and held.stack:
            for name in {held.stack, *survey.needs[held.stack]}:
                assert f"stack {name}" not in order


@settings(max_examples=30)
@given(situations())
def test_everything_goes_or_is_said_to_stay(situation: Any) -> None:
    survey, go = situation
    plan = build(survey, go)
    kept = {each.what for each in plan.kept}
    gone = {step.what for step in plan.steps}
    leaving = {step.stack for step in plan.steps if step.verb == "delete" and step.stack}
    for held in survey.held:
        assert held.what in kept or held.what in gone or held.stack in leaving
    for name in survey.stacks:
        assert f"stack {name}" in kept or name in leaving
    for stray in survey.strays:
        assert (stray.what in kept) != (stray.what in gone)


@settings(max_examples=30)
@given(situations())
def test_runs_end_before_anything_else_goes(situation: Any) -> None:
    survey, go = situation
    plan = build(survey, go)
    runs = [number for number, step in enumerate(plan.steps) if step.stray and step.stray.when is When.RUNS]
    destroys = [number for number, step in enumerate(plan.steps)
                if step.verb in ("empty", "delete") and not (step.stray and step.stray.when <= When.IDLE)]  # fmt: skip
    assert not runs or not destroys or max(runs) < min(destroys)


def test_a_bucket_that_is_kept_keeps_the_policy_that_refuses_plain_http() -> None:
    made = scenes.stack("s", [scenes.resource("s", "data", scenes.BUCKET)])
    template = {"Resources": {
        "data": {"Type": scenes.BUCKET},
        "Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "data"}}},
        "Other": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {"Ref": "gone"}}},
    }}  # fmt: skip
    made = scenes.stack("s", made.resources, template=template)
    plan = build(scenes.survey([made], {}, [scenes.held(scenes.BUCKET, "data", "s")]), ())
    assert next(step for step in plan.steps if step.verb == "keep apart").logical == ("data", "Policy")
