"""What makes flat records of captured requests, before Model Monitor looks at them.

Sources, read 2026-11-22: "Preprocessing and Postprocessing", SageMaker Developer Guide; RecordPreprocessorSourceUri of
DataQualityAppSpecification, SageMaker API reference.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Self

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as assets
from constructs import Construct
from pydantic import model_validator

from constructs_lib.training.code import grant_read_asset
from constructs_lib.values import Value
from ml_contract.errors import reject

HANDLER = "preprocess_handler"


class RecordScript(Value):
    """A file of Python that is published with the app and called for every captured line."""

    path: Path
    """The file. It defines ``preprocess_handler(inference_record)`` and gives a flat dictionary, or an empty list for
    a record that is left out."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.path.is_file():
            reject("path", str(self.path), "there is no such file", "Name a file of Python.")
        try:
            module = ast.parse(self.path.read_text())
        except (SyntaxError, UnicodeDecodeError) as error:
            reject("path", str(self.path), f"it is no Python: {error}", "Correct the file.")
        if not any(isinstance(node, ast.FunctionDef) and node.name == HANDLER for node in module.body):
            reject("path", str(self.path), f"Model Monitor calls {HANDLER}(inference_record), and it defines none",
                   "Define it.")  # fmt: skip
        return self

    def publish(self, scope: Construct, reader: iam.IRole) -> assets.Asset:
        """Make the file an asset.

        Args:
            scope: Parent.
            reader: Role of the job, which may read it.
        """
        asset = assets.Asset(scope, "Records", path=str(self.path))
        grant_read_asset(asset, reader)
        return asset


TENSORS = RecordScript(path=Path(__file__).parent / "container" / "tensors.py")
"""Of a Triton endpoint: some figures of each tensor, for example ``request_tokens_mean``."""
