"""Kills at random moments, and resumes that are equal bit for bit to a run that nobody disturbed."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from checkpoint_harness import LIMIT_S, QUICK, Ranks, ranks
from checkpoint_targets import train

from ml_contract.checkpoint.catalog import attempts
from training_code.checkpoint import CheckpointOptions
from training_code.checkpoint.opening import open_storage

KILLS = 20
INTERVAL = 4
"""Steps between saves: a save is on its way most of the time."""
STEPS = 10**6
"""No launch comes so far."""
SEED = 20261121


@dataclass
class Kill:
    """One kill, and what became of it."""

    storage: str
    after_s: float
    doing: str
    reached: int
    commit: int
    """The newest one that stood right after it."""
    on_its_way: int
    """The newest step whose save was begun: a server may still take what a dead client had sent, and commit it."""
    resumed: int = -1
    losses: dict[int, str] = field(default_factory=dict)
    """Of the launch that followed, by step, exactly as they were."""
    equal: bool = False

    @property
    def right(self) -> bool:
        """Whether the following launch resumed from the newest commit."""
        return self.resumed == self.commit or (self.storage == "s3" and self.resumed == self.on_its_way > self.commit)

    def row(self, number: int) -> str:
        moment = f"{number:>4}  {self.storage:<6} {self.after_s:>6.3f} s  {self.doing:<22} {self.reached:>6}"
        equal = "yes" if self.equal else "NO"
        return f"{moment} {self.commit:>7} {self.resumed:>8} {len(self.losses):>9}  {equal}"


def losses(lines: list[str]) -> dict[int, str]:
    """Losses by step."""
    return {int(line.split()[1]): line.split()[2] for line in lines if line.startswith("loss ")}


HEAD = "kill  place      at       rank 0 was             step  commit  resumed  compared  equal"


class Chain:
    """One run that is killed again and again, each time resumed by the next."""

    def __init__(self, uri: str, folder: Path, generator: random.Random) -> None:
        self._uri, self._folder, self._random = uri, folder, generator
        self._storage = open_storage(uri, CheckpointOptions(**QUICK))
        self._launches = 0
        self._longest_s: float | None = None

    def kill_once(self) -> Kill:
        """Launch, let it train for a random time, kill all ranks with SIGKILL.

        The first launch is let alone until it has committed: others have twice as long as that took, at most.
        """
        log = self._next_log()
        launch = Ranks(2, train, self._uri, str(log), STEPS, INTERVAL, QUICK)
        self._until(log, "loss")
        began = time.monotonic()
        if self._longest_s is None:
            self._until(log, "committed")
            self._longest_s = 2 * (time.monotonic() - began)
        else:
            time.sleep(self._random.uniform(0, self._longest_s))
        after = time.monotonic() - began
        launch.kill()
        lines = self._lines(log)
        last = next(line.split()[0] for line in reversed(lines))
        doing = {"started": "staging", "staged": "writing", "loss": self._since(lines), "committed": "training"}
        reached = max(int(line.split()[1]) for line in lines if line.startswith("loss "))
        newest = next((attempt.step for attempt in attempts(self._storage) if attempt.committed), 0)
        begun = max([int(line.split()[1]) for line in lines if line.startswith("started ")], default=0)
        return Kill(self._uri.partition(":")[0], after, doing.get(last, last), reached, newest, begun)

    def judge(self, kill: Kill) -> None:
        """Note what the launch after ``kill`` did, as far as it came."""
        lines = self._lines(self._folder / f"launch-{self._launches}")
        kill.resumed = next(int(line.split()[1]) for line in lines if line.startswith("from "))
        kill.losses = losses(lines)
        assert min(kill.losses) == kill.resumed + 1

    def _next_log(self) -> Path:
        self._launches += 1
        return self._folder / f"launch-{self._launches}"

    def _until(self, log: Path, kind: str) -> None:
        deadline = time.monotonic() + LIMIT_S
        while not any(line.startswith(f"{kind} ") for line in self._lines(log)):
            assert time.monotonic() < deadline, f"no {kind} within {LIMIT_S} s: {self._lines(log)}"
            time.sleep(0.005)

    @staticmethod
    def _since(lines: list[str]) -> str:
        """What was on its way while training."""
        kinds = [line.split()[0] for line in lines]
        saving = next((kind for kind in reversed(kinds) if kind in ("staged", "committed")), "")
        return "training and writing" if saving == "staged" else "training"

    @staticmethod
    def _lines(log: Path) -> list[str]:
        path = log.with_name(f"{log.name}.0")
        # A kill may leave half a line.
        return [line for line in path.read_text().split("\n")[:-1] if line] if path.exists() else []


@pytest.mark.slow
def test_twenty_kills_twenty_equal_resumes(tmp_path: Path, s3: str) -> None:
    """Guards the whole: at whatever moment the ranks die, the next go on with the very numbers of an undisturbed run.

    A kill is judged by the launch that follows it; the launch after the last kill is killed too, and only judged.
    """
    generator = random.Random(SEED)
    started = time.monotonic()
    kills: list[Kill] = []
    for name, uri in {"s3": "s3://checkpoints/kills", "file": f"file://{tmp_path}/kills"}.items():
        folder = tmp_path / name
        folder.mkdir()
        chain = Chain(uri, folder, generator)
        before = chain.kill_once()
        for _ in range(KILLS // 2):
            kills.append(before)
            following = chain.kill_once()
            chain.judge(before)
            before = following
    last = max(step for kill in kills for step in kill.losses)
    ranks(2, train, f"file://{tmp_path}/undisturbed", str(tmp_path / "undisturbed"), last, 10**9, {})
    expected = losses((tmp_path / "undisturbed.0").read_text().splitlines())
    for kill in kills:
        kill.equal = all(expected[step] == loss for step, loss in kill.losses.items())
    print(f"\n{HEAD}")
    for number, kill in enumerate(kills, 1):
        print(kill.row(number))
    print(f"{sum(kill.equal for kill in kills)} of {len(kills)} resumes equal, {time.monotonic() - started:.0f} s")
    assert len(kills) == KILLS
    assert all(kill.right for kill in kills)
    assert all(kill.equal for kill in kills)
    # The test would show little if it killed only when nothing was on its way, or before anything was committed.
    assert sum("writing" in kill.doing or kill.doing == "staging" for kill in kills) >= 3
    assert all(kill.commit > 0 for kill in kills)
