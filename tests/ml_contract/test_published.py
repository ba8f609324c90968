"""What an environment publishes comes back as it was, whichever environments and newer parameters lie beside it."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_contract.errors import ContractError
from ml_contract.published import Published, PublishedWorkload, path

names = st.from_regex(r"\A[a-z0-9]+(-[a-z0-9]+)*\Z")
texts = st.text("abz019:/-_.", min_size=1)
lists = st.lists(texts, min_size=1, max_size=3).map(tuple)
workloads = st.builds(PublishedWorkload, image_uri=texts, instance_type=texts, volume_gib=st.integers(1, 16384))
published = st.builds(
    Published,
    **dict.fromkeys(("role_arn", "job_prefix", "key_arn", "datasets_uri", "shared_uri", "data_uri"), texts),
    **dict.fromkeys(("checkpoints_uri", "artifacts_uri"), texts),
    **dict.fromkeys(("subnet_ids", "security_group_ids"), lists),
    workloads=st.dictionaries(names, workloads, max_size=2),
)


def stored(environment: str, value: Published) -> dict[str, str]:
    """As Systems Manager keeps them: a list is text with commas."""
    return {
        f"{path(environment)}/{name}": text if isinstance(text, str) else ",".join(text)
        for name, text in value.parameters().items()
    }


@given(published)
def test_what_is_published_is_read_as_it_was(value: Published) -> None:
    other = dataclasses.replace(value, role_arn="another", workloads={})
    kept = {**stored("dev", value), **stored("dev2", other), "/trainyard/dev/of-a-newer-platform": "x"}
    assert Published.read("dev", kept) == value


EXAMPLE = Published(
    role_arn="r", job_prefix="adhoc-dev-", subnet_ids=("a", "b"), security_group_ids=("g",), key_arn="k",
    datasets_uri="s3://b/d", shared_uri="s3://b/s", data_uri="s3://b/a", checkpoints_uri="s3://c/a", artifacts_uri="s3://e/a",
    workloads={"bytes-lm": PublishedWorkload(image_uri="i", instance_type="ml.c5.xlarge", volume_gib=30)},
)  # fmt: skip


def test_names_are_those_that_others_rely_on() -> None:
    assert set(EXAMPLE.parameters()) == {
        "role-arn", "job-prefix", "subnet-ids", "security-group-ids", "key-arn", "datasets-uri", "shared-uri",
        "data-uri", "checkpoints-uri", "artifacts-uri", "workloads/bytes-lm/image-uri",
        "workloads/bytes-lm/instance-type", "workloads/bytes-lm/volume-gib",
    }  # fmt: skip


def test_an_environment_that_publishes_nothing_is_refused() -> None:
    with pytest.raises(ContractError, match=r"environment: got 'nowhere', but no parameter is published below"):
        Published.read("nowhere", stored("dev", EXAMPLE))


@pytest.mark.parametrize("missing", sorted(EXAMPLE.parameters()))
def test_a_missing_parameter_is_named(missing: str) -> None:
    kept = {name: text for name, text in stored("dev", EXAMPLE).items() if not name.endswith(f"/dev/{missing}")}
    with pytest.raises(ContractError, match=f"^/trainyard/dev/{missing}: got None"):
        Published.read("dev", kept)


def test_a_workload_goes_by_its_kind() -> None:
    assert EXAMPLE.workload("bytes_lm").volume_gib == 30


def test_a_workload_that_the_environment_does_not_train_is_refused_with_those_that_it_does() -> None:
    with pytest.raises(ContractError, match="workload: got 'digits', but the environment trains bytes-lm"):
        EXAMPLE.workload("digits")
