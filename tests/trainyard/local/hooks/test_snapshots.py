"""Snapshots: whole or absent."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainyard.local.hooks import snapshots as module
from trainyard.local.hooks.snapshots import Snapshots

NAMES = st.sampled_from(["a.json", "b.json", "c.json"])
WRITES = st.lists(st.dictionaries(NAMES, st.none() | st.binary(max_size=8)), max_size=6)


@settings(max_examples=40, deadline=None)
@given(writes=WRITES)
def test_what_was_written_last_is_what_a_new_start_reads(
    tmp_path_factory: pytest.TempPathFactory, writes: list
) -> None:
    folder = tmp_path_factory.mktemp("snapshots")
    expected: dict[str, bytes] = {}
    snapshots = Snapshots(folder)
    for files in writes:
        before = dict(expected)
        expected |= files
        expected = {name: content for name, content in expected.items() if content is not None}
        assert snapshots.write(files) == (expected != before)
    again = Snapshots(folder)
    assert {name: again.load(name) for name in again.names()} == expected
    # One generation is kept, and nothing is written that is there already.
    assert len([path for path in folder.iterdir() if path.is_dir()]) <= 1
    assert not again.write(dict(expected))


class Killed(BaseException):
    """The process is gone."""


def killed_at(step: int, folder: Path, new: dict[str, bytes | None]) -> bool:
    """Writes, and is killed at the given file operation; False when the write has fewer."""
    steps = iter(range(1, 100))

    def until_killed(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(steps) == step:
                if original is write_synced:
                    arguments[0].write_bytes(arguments[1][:2])
                raise Killed
            return original(*arguments, **options)

        return call

    snapshots, write_synced = Snapshots(folder), module._write_synced
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_write_synced", until_killed(write_synced))
        patch.setattr(module, "_sync_folder", until_killed(module._sync_folder))
        patch.setattr(module.os, "link", until_killed(os.link))
        patch.setattr(module.shutil, "rmtree", until_killed(shutil.rmtree))
        patch.setattr(Path, "rename", until_killed(Path.rename))
        patch.setattr(Path, "mkdir", until_killed(Path.mkdir))
        try:
            snapshots.write(new)
        except Killed:
            return True
    return False


def test_a_kill_at_any_step_leaves_the_snapshot_before_or_after(tmp_path: Path) -> None:
    old = {"a.json": b"old a", "b.json": b"old b", "c.json": b"same"}
    new = {"a.json": b"new a", "b.json": b"new b"}
    for step in itertools.count(1):
        folder = tmp_path / str(step)
        Snapshots(folder).write(old)
        if not killed_at(step, folder, new):
            break
        again = Snapshots(folder)
        assert {name: again.load(name) for name in again.names()} in (old, old | new)
        assert len([path for path in folder.iterdir() if path.is_dir()]) == 1
        assert again.write({"a.json": b"newer"})
        assert Snapshots(folder).load("a.json") == b"newer"
    assert step > 8, "mkdir, link, three files, two folders, rename, rmtree"
