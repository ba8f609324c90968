"""What an operator finds in a place, and what a policy would leave of it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_contract.checkpoint.errors import ObjectMissingError, StorageError
from ml_contract.training.surroundings import Checkpointing
from trainyard.operations import checkpoints
from trainyard.operations.connection import OperationError
from trainyard.operations.objects import FolderObjects, open_objects

sys.path.insert(0, str(Path(__file__).parent))
from saved import age, damage, save

DAY = 24 * 3600.0


def plan(folder: Path, **policy: int) -> checkpoints.Plan:
    objects = FolderObjects(folder)
    return checkpoints.plan(objects, checkpoints.find(objects), Checkpointing(**policy), incomplete_after=DAY)


def removed(made: checkpoints.Plan) -> set[int]:
    return {removal.checkpoint.step for removal in made.removals}


def test_each_attempt_has_a_status(tmp_path: Path) -> None:
    save(tmp_path, 1, loss=2.5)
    (save(tmp_path, 2) / "QUARANTINE.json").write_text("{}")
    save(tmp_path, 3, commit=False)
    (save(tmp_path, 4) / "COMMIT.json").write_bytes(b"{}")
    found = checkpoints.find(FolderObjects(tmp_path))
    assert [(one.step, one.status) for one in found] == [
        (4, "unreadable"), (3, "incomplete"), (2, "quarantined"), (1, "committed"),
    ]  # fmt: skip
    told = found[-1].to_json()
    assert (told["run"], told["world_size"], told["figures"]) == ("run", 1, {"loss": 2.5})
    assert told["when"] == 1.7e9 + 1
    assert told["bytes"] == sum(path.stat().st_size for path in (tmp_path / told["prefix"]).iterdir())


FILES = ("__0_0.distcp", ".metadata", "rank-00000.sidecar.json")


@pytest.mark.parametrize(("name", "lost"), [*((name, lost) for name in FILES for lost in (0, 1)), ("COMMIT.json", 0)])
def test_damage_to_any_file_is_found(tmp_path: Path, name: str, lost: bool) -> None:
    """Guards 'sound': shard, metadata, sidecar and COMMIT alike."""
    save(tmp_path, 1)
    victim = save(tmp_path, 2) / name
    if lost:
        victim.unlink()
    else:
        data = bytearray(victim.read_bytes())
        data[len(data) // 2] ^= 1
        victim.write_bytes(data)
    objects = FolderObjects(tmp_path)
    newer, older = (checkpoints.verify(objects, one) for one in checkpoints.find(objects))
    assert len(newer.findings) == 1
    assert name in newer.findings[0]
    assert older.findings == ()
    assert len(older.files) == 2


def test_verification_leaves_out_what_claims_nothing(tmp_path: Path) -> None:
    save(tmp_path, 1)
    (save(tmp_path, 2) / "QUARANTINE.json").write_text("{}")
    save(tmp_path, 3, commit=False)
    objects = FolderObjects(tmp_path)
    found = checkpoints.find(objects)
    assert [one.step for one in checkpoints.chosen(objects, found, None)] == [1]
    assert [one.step for one in checkpoints.chosen(objects, found, 2)] == [2]
    with pytest.raises(OperationError, match="has no checkpoint of step 3: there are steps 1, 2"):
        checkpoints.chosen(objects, found, 3)
    with pytest.raises(OperationError, match="nothing lies there"):
        checkpoints.chosen(objects, [], None)


@settings(max_examples=25, deadline=None)
@given(
    losses=st.lists(st.integers(0, 5), min_size=1, max_size=7),
    bad=st.sets(st.integers(1, 7)),
    policy=st.fixed_dictionaries(
        {"keep_last": st.integers(2, 3), "keep_every": st.integers(0, 3), "keep_best": st.integers(0, 2)}
    ),
)
@pytest.mark.slow
def test_pruning_never_costs_the_last_two_sound_ones(losses: list[int], bad: set[int], policy: dict[str, int]) -> None:
    """Guards the way back, whatever is damaged: sound ones stay as many as are to be kept, and are the newest."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        places = {step: save(folder, step, loss=float(loss)) for step, loss in enumerate(losses, 1)}
        for step in bad & set(places):
            damage(places[step])
        before = [step for step in places if step not in bad]
        checkpoints.carry_out(FolderObjects(folder), made := plan(folder, **policy))
        after = [step for step, place in places.items() if (place / "COMMIT.json").exists()]
        assert set(after) == set(places) - removed(made)
        sound = [step for step in after if step not in bad]
        assert sound[-policy["keep_last"] :] == before[-policy["keep_last"] :]
        assert len(sound) >= min(2, len(before))
        assert not removed(plan(folder, **policy)), "and a second time there is nothing to do"


def test_each_run_is_judged_alone(tmp_path: Path) -> None:
    for step in range(1, 6):
        save(tmp_path, step, run="ours" if step > 2 else "theirs")
    assert removed(plan(tmp_path, keep_last=2)) == {3}


def test_what_was_never_committed_goes_when_it_is_old(tmp_path: Path) -> None:
    """Guards a save that is on its way."""
    save(tmp_path, 1, commit=False)
    old = save(tmp_path, 2, commit=False)
    age(old, 25)
    made = plan(tmp_path)
    assert removed(made) == {2}
    assert made.bytes == sum(path.stat().st_size for path in old.iterdir())
    checkpoints.carry_out(FolderObjects(tmp_path), made)
    assert not old.parent.exists()


def test_a_removal_begins_with_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guards against half a checkpoint that claims to be one."""
    for step in (1, 2, 3):
        save(tmp_path, step)
    made, deleted = plan(tmp_path, keep_last=2), []

    def mortal(self: FolderObjects, key: str) -> None:
        deleted.append(key)
        raise StorageError("died")

    monkeypatch.setattr(FolderObjects, "delete", mortal)
    with pytest.raises(StorageError, match="died"):
        checkpoints.carry_out(FolderObjects(tmp_path), made)
    assert [key.rpartition("/")[2] for key in deleted] == ["COMMIT.json"]


def test_a_place_that_is_not_there(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path / "nowhere")
    with pytest.raises(StorageError, match="nowhere: there is no such folder"):
        checkpoints.find(objects)
    with pytest.raises(ObjectMissingError, match="there is no such file"):
        objects.read("x")


@pytest.mark.parametrize("place", ["s3://bucket", "file:///", "https://bucket/prefix", "file://host/folder"])
def test_a_place_of_another_form_is_refused(place: str) -> None:
    with pytest.raises(ValueError, match=r"PLACE: got .* s3://bucket/prefix"):
        open_objects(lambda: pytest.fail("no cloud is needed to say that"), place)


class Job:
    """A connection to a cloud with one training job."""

    def __init__(self, **hyperparameters: str) -> None:
        self.hyperparameters = hyperparameters

    def client(self, service: str) -> Job:
        assert service == "sagemaker"
        return self

    def describe_training_job(self, *, TrainingJobName: str) -> dict[str, object]:
        return {"TrainingJobName": TrainingJobName, "HyperParameters": self.hyperparameters}


def test_a_training_job_leads_to_its_checkpoints(tmp_path: Path) -> None:
    job: Any = Job(checkpoint_uri=f"file://{tmp_path}")
    assert open_objects(lambda: job, "train-1").uri == f"file://{tmp_path}"
    without: Any = Job()
    with pytest.raises(ValueError, match="PLACE: got 'train-1', but this training job keeps no checkpoints"):
        open_objects(lambda: without, "train-1")
