"""Packages as one tar.gz asset whose hash depends on nothing but their content.

A directory asset would be a .zip, which SageMaker does not unpack in a channel.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import importlib.util
import io
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as assets
from constructs import Construct
from pydantic import Field

from constructs_lib.values import Value
from ml_contract.errors import reject

_IGNORED_FOLDERS = {"__pycache__"}
_IGNORED_SUFFIXES = {".pyc", ".pyo"}


class Program(Value):
    """A module of packed code."""

    code: CodeBundle
    """The packages that hold it and what it imports."""
    module: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$")
    """The module that runs."""


class CodeBundle(Construct):
    """Installed packages, packed at synth and published with the app's assets."""

    def __init__(self, scope: Construct, construct_id: str, *, packages: Sequence[str]) -> None:
        """Pack the packages.

        Args:
            scope: Parent.
            construct_id: Construct id.
            packages: Names of top-level packages, found as an import would find them: in a checkout or from a wheel.

        Raises:
            ContractError: A package is not installed.
        """
        super().__init__(scope, construct_id)
        self._folders = {name: package_folder(name) for name in sorted(packages)}
        archive, digest = _packed(tuple(sorted(packages)))
        with tempfile.TemporaryDirectory(prefix="trainyard-code-") as folder:
            path = Path(folder) / "code.tgz"
            path.write_bytes(archive)
            # CDK copies the file at once. The hash is that of the unpacked bytes: another zlib may compress the same
            # content otherwise.
            self.asset = assets.Asset(
                self, "Asset", path=str(path), asset_hash=digest, asset_hash_type=cdk.AssetHashType.CUSTOM
            )

    @property
    def uri(self) -> str:
        """The archive, ``s3://bucket/key``."""
        return self.asset.s3_object_url

    def program(self, module: str) -> Program:
        """A module inside the packages.

        Raises:
            ContractError: The packages hold no such module.
        """
        check_module(module, self._folders)
        return Program(code=self, module=module)

    def grant_read(self, role: iam.IRole) -> None:
        """Let ``role`` read this archive, and nothing else, from the bucket of assets."""
        grant_read_asset(self.asset, role)


def grant_read_asset(asset: assets.Asset, role: iam.IRole) -> None:
    """Let ``role`` read ``asset``, and nothing else, from the bucket of assets."""
    bucket = asset.bucket
    role.add_to_principal_policy(
        iam.PolicyStatement(actions=["s3:ListBucket", "s3:GetBucketLocation"], resources=[bucket.bucket_arn])
    )
    role.add_to_principal_policy(
        iam.PolicyStatement(actions=["s3:GetObject"], resources=[bucket.arn_for_objects(asset.s3_object_key)])
    )


@functools.cache
def _packed(packages: tuple[str, ...]) -> tuple[bytes, str]:
    """Pack once a synthesis: every environment ships the same code, also when a file changes in between."""
    return pack({name: package_folder(name) for name in packages})


def package_folder(name: str) -> Path:
    """The folder of an installed package, which is not imported.

    Raises:
        ContractError: There is none.
    """
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        reject("packages", name, "no package of that name is installed", "Install it beside the app, or correct it.")
    return Path(found.submodule_search_locations[0])


def pack(folders: dict[str, Path]) -> tuple[bytes, str]:
    """Pack folders, each under its name, into a tar.gz: sorted, without times, owners and caches.

    Returns:
        The archive and the SHA-256 of its unpacked bytes.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, folder in sorted(folders.items()):
            for path in files(folder):
                content = path.read_bytes()
                entry = tarfile.TarInfo(f"{name}/{path.relative_to(folder).as_posix()}")
                entry.size, entry.mode = len(content), 0o644
                tar.addfile(entry, io.BytesIO(content))
    content = buffer.getvalue()
    return gzip.compress(content, compresslevel=9, mtime=0), hashlib.sha256(content).hexdigest()


def files(folder: Path) -> Iterator[Path]:
    """Files of a package in one order everywhere, without caches and hidden files."""
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part in _IGNORED_FOLDERS for part in parts)
        if path.is_file() and not hidden and path.suffix not in _IGNORED_SUFFIXES:
            yield path


def check_module(module: str, folders: Mapping[str, Path]) -> None:
    """Refuse a module that the packed packages do not hold.

    Raises:
        ContractError: Neither a file nor a package's ``__main__`` carries the name.
    """
    package, *rest = module.split(".")
    folder = folders.get(package)
    if folder is not None:
        path = folder.joinpath(*rest)
        if (rest and path.with_suffix(".py").is_file()) or (path / "__main__.py").is_file():
            return
    reject("module", module, f"the packed packages {', '.join(sorted(folders))} hold no such program",
           "Name a module file, or a package with __main__.py.")  # fmt: skip


Program.model_rebuild()
