"""How a run of a tracker is found again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_contract import tracking
from ml_contract.tracking import TrackedRun

word = st.text("abcdefghijklmnopqrstuvwxyz0123456789:/.-", min_size=1)


@given(st.builds(TrackedRun, run=word, experiment=word, uri=word), st.text("abc \t[]"))
def test_a_line_is_read_as_it_was_written(run: TrackedRun, before: str) -> None:
    assert tracking.parse(f"{before}{run.line()}") == run


@pytest.mark.parametrize("line", ["", "mlflow: run", "[metrics] step=1", "mlflow: an experiment is made"])
def test_other_lines_are_none(line: str) -> None:
    assert tracking.parse(line) is None


def test_variables_that_are_not_set_make_no_tag() -> None:
    assert tracking.tags({"TRAINYARD_STEP": "Train", "TRAINYARD_CODE": ""}) == {"trainyard.step": "Train"}


@pytest.mark.parametrize(
    ("uri", "page", "command"),
    [
        ("http://127.0.0.1:5000/", "http://127.0.0.1:5000/#/experiments/1/runs/r", None),
        ("arn:aws:sagemaker:us-east-1:1:mlflow-app/app-1", "#/experiments/1/runs/r",
         "aws sagemaker create-presigned-mlflow-app-url --arn arn:aws:sagemaker:us-east-1:1:mlflow-app/app-1"),
        ("arn:aws:sagemaker:us-east-1:1:mlflow-tracking-server/mine", "#/experiments/1/runs/r",
         "aws sagemaker create-presigned-mlflow-tracking-server-url --tracking-server-name mine"),
    ],
)  # fmt: skip
def test_where_a_person_looks_at_it(uri: str, page: str, command: str | None) -> None:
    run = TrackedRun(run="r", experiment="1", uri=uri)
    assert (run.page, run.command) == (page, command)
