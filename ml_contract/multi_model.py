"""What a multi-model endpoint and those who call it agree on: names below the prefix, and the image's label.

Sources, read 2026-11-21: "Invoke a Multi-Model Endpoint" and "Build Your Own Container for SageMaker AI Multi-Model
Endpoints", SageMaker AI Developer Guide; InvokeEndpoint, TargetModel, SageMaker Runtime API reference.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from ml_contract import archive as archives
from ml_contract.errors import reject

LABEL = "com.amazonaws.sagemaker.capabilities.multi-models=true"
"""LABEL of an image whose server loads and unloads models by SageMaker's requests; without it, CreateModel refuses."""
SUFFIX = ".tar.gz"
LONGEST = 1024
"""Characters of a target model."""
_NAME = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")


def target(model: str) -> str:
    """The object below the prefix that holds ``model``, which is also what a request names: ``bert-7.tar.gz``.

    The archive holds one folder of Triton's repository: ``bert/config.pbtxt``, ``bert/1/…``. The folder's name need not
    be the target's: SageMaker gives each archive a repository of its own.

    Args:
        model: Name, with folders where there are many: ``team-a/bert-7``.

    Raises:
        ContractError: It is no path below a prefix, or too long.
    """
    stem = model.removesuffix(SUFFIX)
    name = stem + SUFFIX
    if not _NAME.fullmatch(stem) or {".", ".."} & set(stem.split("/")) or len(name) > LONGEST:
        reject("model", model, f"it is a path below the endpoint's prefix, of at most {LONGEST} characters",
               "Use letters, digits, _, . and -, and / between folders.")  # fmt: skip
    return name


def allowed(pattern: str) -> str:
    """A pattern of target models that a policy allows: a model, or everything below a folder, ``team-a/*``.

    Raises:
        ContractError: A wildcard stands elsewhere, so that more would be allowed than one folder.
    """
    if pattern == "*" or pattern.endswith("/*"):
        if pattern != "*":
            target(pattern.removesuffix("/*"))
        return pattern
    return target(pattern)


def pack(folder: Path, prefix: Path, model: str) -> Path:
    """Pack one model of a Triton repository as :func:`target` says.

    Args:
        folder: The model's folder, which holds config.pbtxt and its versions.
        prefix: Where the archive is written; its path below is the one to upload to below the endpoint's prefix.
        model: Name that requests give.

    Returns:
        The archive.

    Raises:
        ContractError: The name is none, or the folder holds no model.
    """
    archive = prefix / target(model)
    if not (folder / "config.pbtxt").is_file():
        reject("folder", str(folder), "a model of a Triton repository has config.pbtxt", "Name the model's own folder.")
    if not any(path.is_dir() and path.name.isdecimal() for path in folder.iterdir()):
        reject("folder", str(folder), "a model of a Triton repository has a version: a folder named 1",
               "Put the model's files there.")  # fmt: skip
    with TemporaryDirectory() as staging:
        root = Path(staging)
        shutil.copytree(folder, root / folder.name)
        for version in (root / folder.name).iterdir():
            # An ensemble's version is empty, and archives hold files only.
            if version.is_dir() and version.name.isdecimal() and not any(version.iterdir()):
                (version / ".keep").touch()
        archives.pack(root, archive)
    return archive
