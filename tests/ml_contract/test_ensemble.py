"""Every loose end of an ensemble is one error, and what is whole is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_contract.ensemble import Ensemble, Step
from ml_contract.errors import ContractError
from ml_contract.manifest import ArtifactManifest
from ml_contract.signature import DType, ModelSignature, Tensor


def tensor(name: str, *shape: int, dtype: DType = DType.FP32) -> Tensor:
    return Tensor(name=name, dtype=dtype, shape=shape or (4,))


def signature(inputs: Sequence[Tensor], outputs: Sequence[Tensor], size: int = 8) -> ModelSignature:
    return ModelSignature(inputs=tuple(inputs), outputs=tuple(outputs), max_batch_size=size)


A, B, C, D = (tensor(name) for name in "abcd")
FIRST = Step(model="first", signature=signature([A], [B]))
SECOND = Step(model="second", signature=signature([B], [C]))
WHOLE = Ensemble(signature=signature([A], [C]), steps=(FIRST, SECOND))


def changed(step: Step, **fields: object) -> Step:
    return replace(step, signature=replace(step.signature, **fields))


@pytest.mark.parametrize(
    ("fields", "field", "rule"),
    [
        ({"steps": ()}, "steps", "at least one"),
        ({"steps": (FIRST, FIRST)}, "steps", "comes once"),
        ({"steps": (SECOND, FIRST)}, "second.b", "form a cycle"),
        ({"steps": (changed(FIRST, inputs=(A, C)), SECOND)}, "first.c", "form a cycle"),
        ({"steps": (changed(FIRST, inputs=(A, B)), SECOND)}, "first.b", "form a cycle"),
        ({"steps": (FIRST, changed(SECOND, inputs=(D,)))}, "second.d", "nothing gives this tensor"),
        ({"steps": (FIRST, changed(SECOND, inputs=(tensor("b", dtype=DType.INT64),)))}, "second.b", "gives b as FP32"),
        ({"steps": (FIRST, changed(SECOND, inputs=(tensor("b", 5),)))}, "second.b", "in the shape (4,)"),
        ({"steps": (FIRST, changed(SECOND, inputs=(tensor("b", 4, 1),)))}, "second.b", "in the shape (4,)"),
        ({"steps": (changed(FIRST, outputs=(B, D)), SECOND)}, "first.d", "nothing takes this tensor"),
        ({"steps": (FIRST, changed(SECOND, outputs=(B,)))}, "second.b", "comes from first"),
        ({"steps": (FIRST, changed(SECOND, outputs=(A,)))}, "second.a", "comes from the ensemble's input"),
        ({"signature": signature([A, D], [C])}, "the ensemble's input.d", "nothing takes this tensor"),
        ({"signature": signature([A], [C, D])}, "outputs.d", "no step gives it"),
        ({"signature": signature([A], [A, C])}, "outputs.a", "which no step changes"),
        ({"signature": signature([A], [tensor("c", 7)])}, "outputs.c", "in the shape (4,)"),
        ({"signature": signature([A], [C], 9)}, "first.max_batch_size", "batches of 9"),
    ],
)  # fmt: skip
def test_a_loose_end(fields: dict[str, object], field: str, rule: str) -> None:
    with pytest.raises(ContractError) as raised:
        replace(WHOLE, **fields)
    assert raised.value.field == field
    assert rule in raised.value.rule
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("kind", ["inputs", "outputs"])
def test_a_mapping_of_a_tensor_that_the_model_has_not(kind: str) -> None:
    with pytest.raises(ContractError, match=rf"^first\.{kind}: got 'x', but the model's {kind} are"):
        replace(FIRST, **{kind: {"x": "a"}})


def test_names_of_a_model_may_differ_from_the_ensembles() -> None:
    renamed = Ensemble(
        signature=signature([tensor("image")], [tensor("answer")]),
        steps=(replace(FIRST, inputs={"a": "image"}), replace(SECOND, outputs={"c": "answer"})),
    )
    assert [name for name, _ in renamed.steps[0].taken] == ["image"]
    assert [name for name, _ in renamed.steps[1].given] == ["answer"]


def test_any_length_fits_any() -> None:
    Ensemble(signature=WHOLE.signature, steps=(changed(FIRST, outputs=(tensor("b", -1),)), SECOND))


@given(st.permutations(range(5)))
def test_a_chain_runs_in_one_order_only(order: list[int]) -> None:
    names = [tensor(f"t{index}") for index in range(6)]
    steps = [Step(model=f"m{i}", signature=signature([names[i]], [names[i + 1]])) for i in range(5)]
    made = [steps[index] for index in order]
    whole = signature([names[0]], [names[5]])
    if order == sorted(order):
        assert Ensemble(signature=whole, steps=tuple(made))
    else:
        with pytest.raises(ContractError, match="form a cycle"):
            Ensemble(signature=whole, steps=tuple(made))


def test_parts_survive_the_manifest(tmp_path: Path) -> None:
    steps = (replace(FIRST, inputs={"a": "image"}), SECOND)
    told = signature([tensor("image")], [C])
    ArtifactManifest.describe(
        tmp_path, workload="both", signature=told, metrics={}, provenance={}, parts=steps
    ).write(tmp_path)  # fmt: skip
    read = ArtifactManifest.read(tmp_path)
    assert read.ensemble == Ensemble(signature=told, steps=steps)
    path = tmp_path / "manifest.json"
    path.write_text(path.read_text().replace('"model": "second"', '"model": "first"'))
    with pytest.raises(ContractError, match="a model comes once"):
        ArtifactManifest.read(tmp_path)
