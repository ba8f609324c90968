"""The service model's regular expressions are Java's: each of them is translated, none is skipped."""

from __future__ import annotations

import botocore.session
import pytest

from trainyard.local.api.patterns import compiled

MODEL = botocore.session.get_session().get_service_model("sagemaker")
PATTERNS = {name: MODEL.shape_for(name).metadata.get("pattern") for name in MODEL.shape_names}


def test_every_pattern_of_sagemaker_has_a_translation() -> None:
    for pattern in filter(None, PATTERNS.values()):
        compiled(pattern)


@pytest.mark.parametrize(
    ("shape", "good", "bad"),
    [
        ("TagKey", "Straße:größe 1/ü", "a?b"),
        ("TagKey", "日本", "a\u0007"),
        ("EntityDescription", "prose, € and «quotes»\u00a0…", "line\nbreak"),
        ("TrainingRepositoryCredentialsProviderArn", "arn:aws:lambda:us-east-1:123456789012:function:f",
         "arn:aß:lambda:us-east-1:123456789012:function:f"),
        ("TrainingJobName", "a-1", "a\n"),
        ("TrainingJobName", "a", "1٣"),
        ("TableName", "𝔘nicode", "\u0007"),
        ("CustomerMetadataKey", "key=1", "key?"),
    ],
)  # fmt: skip
def test_translations_mean_what_java_means(shape: str, good: str, bad: str) -> None:
    pattern = PATTERNS[shape]
    assert pattern is not None
    assert compiled(pattern).fullmatch(good)
    assert not compiled(pattern).fullmatch(bad)


def test_a_property_outside_of_a_class_is_one() -> None:
    assert compiled(r"\p{Print}+[\p{Alpha}]").fullmatch("a policy~Z")
    assert not compiled(r"\p{Print}+").fullmatch("a\u0007")
