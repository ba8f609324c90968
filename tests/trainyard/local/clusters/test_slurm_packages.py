"""Packages become a layer that hides nothing of the machine below it."""

from pathlib import Path

import pytest

from trainyard.local.clusters import slurm_packages


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    for name in ("usr/bin/sbatch", "usr/sbin/slurmctld-wlm", "lib/systemd/system/x", "usr/lib/y", "etc/slurm/old"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    slurm_packages._lay_out(tmp_path)
    return tmp_path


def test_no_folder_stands_where_the_machine_has_a_link(layer: Path) -> None:
    assert not (layer / "lib").exists()
    assert (layer / "usr/lib/systemd/system/x").is_file()
    assert (layer / "usr/lib/y").is_file()


def test_slurm_is_where_hyperpod_has_it_under_the_names_that_it_has_there(layer: Path) -> None:
    links = {path.name: str(path.readlink()) for path in (layer / "opt/slurm").glob("*bin/*")}
    assert links == {"sbatch": "/usr/bin/sbatch", "slurmctld": "/usr/sbin/slurmctld"}
    assert (layer / "usr/sbin/slurmctld").read_text() == "usr/sbin/slurmctld-wlm"
    assert str((layer / "etc/slurm").readlink()) == "/opt/slurm/etc"
    assert slurm_packages.missing(layer) == ""


def test_a_machine_without_slurm_or_apt_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert slurm_packages.missing(tmp_path) == f"there is no Slurm in {tmp_path}: run `make slurm`"
    monkeypatch.setenv("TRAINYARD_SLURM", str(tmp_path))
    assert slurm_packages.default_folder() == tmp_path
    monkeypatch.setenv("PATH", "")
    with pytest.raises(OSError, match="this machine has no apt"):
        slurm_packages.fetch(tmp_path)
