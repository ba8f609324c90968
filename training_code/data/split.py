"""A split of a data set: files, and a manifest that says what they must be. Tokens and images share it."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ml_contract.errors import reject
from training_code.data.source import Source, source_of

MANIFEST = "manifest.json"
VERSION = 1
WAY_OUT = "Copy the data set again, or prepare it again."


@contextmanager
def room(path: Path) -> Iterator[None]:
    """Around what writes ``path``: of a full disk the system says neither where it was met nor what would help.

    Raises:
        OSError: The system's own error, or for a full disk one that names file, disk and way out.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        disk = shutil.disk_usage(path.parent)
        text = f"no room: {disk.free} of the disk's {disk.total} bytes are free. Give the job a larger volume_gib"
        raise OSError(error.errno, text, str(path)) from error


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One file of a split."""

    name: str
    size: int
    """Bytes."""
    sha256: str
    """Digest of the content, hexadecimal."""

    @classmethod
    def write(cls, path: Path, content: bytes) -> Shard:
        """Write a file and describe it."""
        with room(path):
            path.write_bytes(content)
        return cls.of(path)

    @classmethod
    def of(cls, path: Path) -> Shard:
        """Describe a file."""
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return cls(name=path.name, size=path.stat().st_size, sha256=digest)


@dataclass(frozen=True, kw_only=True)
class Split:
    """What a manifest says, held against the files that are there."""

    source: Source
    shards: tuple[Shard, ...]
    """In the order of their names, which is that of the content."""
    index: Shard | None
    """File that says where in the shards the samples lie."""
    manifest: Mapping[str, Any]
    """All of it."""

    @classmethod
    def open(cls, place: Path | Source, kind: str, *, verify: bool) -> Split:
        """Read the manifest in ``place``.

        Args:
            place: Where manifest.json and the files lie.
            kind: ``tokens`` or ``images``: what the reader understands.
            verify: Hold every file's content against its digest; sizes are always checked. A stream is checked as
                it is read.

        Raises:
            ContractError: The manifest is missing, no manifest or one of another kind, or a file is missing or damaged.
        """
        source = source_of(place)
        try:
            raw = json.loads(source.load(MANIFEST))
            if raw["version"] != VERSION:
                raise ValueError(f"version {raw['version']}, not {VERSION}")
            # Manifests of bytes were written before there was anything else.
            if (found := raw.get("kind", "tokens")) != kind:
                raise ValueError(f"it holds {found}, and {kind} are asked for")
            shards = tuple(Shard(name=Path(name).name, **entry) for name, entry in sorted(raw["files"].items()))
            index = Shard(**raw["index"]) if "index" in raw else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            reject(source.where(MANIFEST), f"{type(error).__name__}: {error}",
                   "shards come with a manifest of version 1",
                   "Prepare the data again, and name the folder of one split.")  # fmt: skip
        split = cls(source=source, shards=shards, index=index, manifest=raw)
        files = [*shards, *([index] if index else [])]
        sizes = source.sizes()
        for file in files:
            split._check(file, sizes.get(file.name), verify=verify)
        source.expect({file.name: (file.size, file.sha256) for file in files})
        return split

    @property
    def digest(self) -> str:
        """One digest for all content, in order: what a resumed run must find unchanged."""
        digests = [shard.sha256 for shard in self.shards] + ([self.index.sha256] if self.index else [])
        return hashlib.sha256("".join(digests).encode()).hexdigest()

    def _check(self, shard: Shard, size: int | None, *, verify: bool) -> None:
        field = f"shard {shard.name}"
        if size is None:
            reject(field, None, f"{self.source.where(MANIFEST)} names it and it is missing", WAY_OUT)
        if size != shard.size:
            reject(field, f"{size} bytes", f"the manifest says {shard.size} bytes", WAY_OUT)
        if verify and (digest := self.source.damaged(shard.name, shard.sha256)) is not None:
            reject(field, f"sha256 {digest}", f"the manifest says {shard.sha256}: it is damaged", WAY_OUT)


def write_manifest(
    folder: Path,
    kind: str,
    shards: Sequence[Shard],
    *,
    index: Shard | None,
    figures: Mapping[str, Any],
    source: Mapping[str, Any],
) -> dict[str, Any]:
    """Write manifest.json, last of all files, and return it.

    Args:
        folder: Of the split.
        kind: ``tokens`` or ``images``.
        shards: The files.
        index: See :class:`Split`.
        figures: What a reader of this kind needs to know beside them.
        source: Where the data came from, JSON values.
    """
    manifest = {
        "version": VERSION,
        "kind": kind,
        "files": {shard.name: {"size": shard.size, "sha256": shard.sha256} for shard in shards},
        **({"index": asdict(index)} if index else {}),
        **figures,
        "source": dict(source),
    }
    with room(folder / MANIFEST):
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    return manifest
