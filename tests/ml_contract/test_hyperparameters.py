import dataclasses
import string
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_contract.errors import ContractError
from ml_contract.hyperparameters import decode, decode_json, encode
from ml_contract.workloads import BytesLm


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sample:
    count: int
    rate: float = 0.5
    name: str = "x"
    flag: bool = False
    mode: Literal["fast", "slow"] = "fast"
    sizes: tuple[int, ...] = ()
    limit: int | None = None


samples = st.builds(
    Sample,
    count=st.integers(-(10**12), 10**12),
    rate=st.floats(allow_nan=False, allow_infinity=False),
    name=st.text(string.printable, max_size=40),
    flag=st.booleans(),
    mode=st.sampled_from(["fast", "slow"]),
    sizes=st.lists(st.integers(0, 9), max_size=4).map(tuple),
    limit=st.none() | st.integers(0, 9),
)


@given(samples)
def test_what_is_encoded_decodes_to_the_same_value(sample: Sample) -> None:
    assert decode(Sample, encode(sample)) == sample


@given(samples)
def test_every_encoded_value_is_a_string(sample: Sample) -> None:
    assert all(isinstance(text, str) for text in encode(sample).values())


@pytest.mark.parametrize(
    ("raw", "field", "rule"),
    [
        ({"count": "1", "leraning_rate": "0.1"}, "leraning_rate", "no such field"),
        ({}, "count", "requires it"),
        ({"count": "1.5"}, "count", "type int"),
        ({"count": "true"}, "count", "type int"),
        ({"count": "1", "rate": "fast"}, "rate", "type float"),
        ({"count": "1", "flag": "yes"}, "flag", "type bool"),
        ({"count": "1", "mode": "medium"}, "mode", "one of 'fast', 'slow'"),
        ({"count": "1", "sizes": "3"}, "sizes", "JSON list"),
        ({"count": "1", "sizes": '[1, "a"]'}, "sizes[1]", "type int"),
    ],
)
def test_a_wrong_value_is_one_error_that_names_the_field(raw: dict[str, str], field: str, rule: str) -> None:
    with pytest.raises(ContractError) as caught:
        decode(Sample, raw)
    assert caught.value.field == field
    assert rule in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"dimension": 130}, "dimension"),
        ({"dimension": 12, "heads": 4}, "dimension / heads"),
        ({"layers": 0}, "layers"),
    ],
)
def test_ranges_of_the_language_model(change: dict[str, float], field: str) -> None:
    with pytest.raises(ContractError) as caught:
        BytesLm(**change)
    assert caught.value.field == field


def test_a_string_that_looks_like_a_number_stays_a_string() -> None:
    assert decode(Sample, {"count": "1", "name": "007"}).name == "007"


@pytest.mark.parametrize("text", ["", "[]", "3", "{", '"a"'])
def test_options_must_be_an_object(text: str) -> None:
    with pytest.raises(ContractError, match="OPTIONS"):
        decode_json(Sample, text, source="OPTIONS")


def test_a_value_too_long_for_sagemaker_is_refused() -> None:
    with pytest.raises(ContractError, match="2500"):
        encode(Sample(count=1, name="x" * 2501))
