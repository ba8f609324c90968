"""Scripts that make flat records: what is refused before a job would find out."""

from __future__ import annotations

from pathlib import Path

import pytest

from constructs_lib.serving.monitoring import RecordScript


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (None, "there is no such file"),
        ("def preprocess_handler(:", "it is no Python"),
        ("def preprocess(record): return {}", r"Model Monitor calls preprocess_handler\(inference_record\)"),
        ("class A:\n    def preprocess_handler(self): ...", "it defines none"),
    ],
)
def test_a_script_that_no_job_could_use_is_refused(tmp_path: Path, content: str | None, refusal: str) -> None:
    path = tmp_path / "records.py"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match=refusal):
        RecordScript(path=path)


def test_a_script_with_the_handler_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "records.py"
    path.write_text("def preprocess_handler(inference_record, logger):\n    return {}\n")
    assert RecordScript(path=path).path == path
