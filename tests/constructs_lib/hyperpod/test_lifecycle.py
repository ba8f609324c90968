"""Scripts as objects of the assets' bucket."""

import itertools
import json
from pathlib import Path

import aws_cdk as cdk
import pytest

from constructs_lib.hyperpod import Lifecycle
from ml_contract.errors import ContractError

FILES = {"on_create.sh": "#!/bin/sh", "users.sh": "sh", "users.json": "{}", "steps/a.tar.gz": "tar", "steps/README": ""}


class Bench:
    """A stack for several folders, and the assembly that they are published from."""

    def __init__(self, outdir: Path) -> None:
        self.outdir, self.numbers = outdir, itertools.count()
        self.app = cdk.App(outdir=str(outdir))
        self.stack = cdk.Stack(self.app, "S", env=cdk.Environment(account="123456789012", region="eu-west-1"))

    def publish(self, folder: Path, files: dict[str, str], **fields: object) -> Lifecycle:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        given = {"folder": folder, "entry": "on_create.sh", "event": "OnCreate", **fields}
        return Lifecycle(self.stack, f"Scripts{next(self.numbers)}", **given)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("assembly"))


def test_each_file_keeps_its_name_and_content(bench: Bench, tmp_path: Path) -> None:
    found = bench.publish(tmp_path, FILES, generated={"lifecycle.json": '{"a": 1}'})
    bench.app.synth()
    manifest = json.loads((bench.outdir / "S.assets.json").read_text())["files"]
    published = {
        destination["objectKey"]: (bench.outdir / manifest[key]["source"]["path"]).read_text()
        for key in found.keys
        for destination in manifest[key]["destinations"].values()
    }
    assert published == {
        f"{found.prefix}/{name}": text for name, text in {**FILES, "lifecycle.json": '{"a": 1}'}.items()
    }


def test_the_prefix_is_that_of_names_and_contents(bench: Bench, tmp_path: Path) -> None:
    one = bench.publish(tmp_path / "1", FILES)
    assert bench.publish(tmp_path / "2", FILES).uri == one.uri
    assert bench.publish(tmp_path / "3", {**FILES, "users.sh": "other"}).uri != one.uri
    assert bench.publish(tmp_path / "4", {**FILES, "more.sh": "sh"}).uri != one.uri


@pytest.mark.parametrize(("event", "field"), [("OnCreate", "onCreate"), ("OnInitComplete", "onInitComplete")])
def test_scripts_run_at_one_event(bench: Bench, tmp_path: Path, event: str, field: str) -> None:
    found = bench.publish(tmp_path, FILES, event=event)
    assert found.render() == {"sourceS3Uri": found.uri, field: "on_create.sh"}


def test_caches_and_hidden_files_stay_here(bench: Bench, tmp_path: Path) -> None:
    found = bench.publish(tmp_path, {"on_create.sh": "x", ".git/config": "x", "__pycache__/a.pyc": "x"})
    assert [key.removeprefix(f"{found.prefix}/") for key in found.keys] == ["on_create.sh"]


@pytest.mark.parametrize("entry", ["absent.sh", "steps/README"])
def test_the_entry_is_at_the_top(bench: Bench, tmp_path: Path, entry: str) -> None:
    with pytest.raises(
        ContractError, match=f"entry: got '{entry}', but it is a file at the top of .*There are on_create"
    ):
        bench.publish(tmp_path, FILES, entry=entry)


def test_a_generated_file_replaces_none(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"generated: got 'users\.json'"):
        bench.publish(tmp_path, FILES, generated={"users.json": "{}"})
