"""slurmdbd is told where its tables are, and slurmctld where slurmdbd is."""

import pytest

from trainyard.local.clusters.slurm_accounting import Storage, daemon_configuration
from trainyard.local.clusters.slurm_configuration import SlurmNode, Timing, configuration


def storage(**fields: str) -> Storage:
    return Storage(**{"host": "db.local", "port": 3316, "schema": "jobs", "user": "slurm", "password": "p", **fields})


def test_the_daemon_finds_its_tables() -> None:
    found = daemon_configuration(storage(), "head", "/usr/lib/slurm-wlm").splitlines()
    assert {"DbdHost=head", "StorageHost=db.local", "StoragePort=3316", "StorageLoc=jobs", "StorageUser=slurm",
            "StoragePass=p"} <= set(found)  # fmt: skip


def test_the_controller_finds_the_daemon_where_there_is_one() -> None:
    nodes = [SlurmNode(name="head", address="10.0.0.1", type="controller")]
    with_it, without = (
        [line for line in configuration("c", nodes, Timing(), "/p", accounting=on).splitlines() if "Accounting" in line]
        for on in (True, False)
    )
    assert with_it == ["AccountingStorageType=accounting_storage/slurmdbd", "AccountingStorageHost=head",
                       "AccountingStoragePort=6819"]  # fmt: skip
    assert without == []


@pytest.mark.parametrize("password", ["", "two words", "a#comment", 'a"quote', "a\nline"])
def test_a_password_that_the_file_cannot_hold_is_refused_and_not_shown(password: str) -> None:
    with pytest.raises(ValueError, match=r"password of the accounting database: slurmdbd\.conf cannot hold it") as told:
        storage(password=password)
    assert not password or password not in str(told.value)
    assert "secret-word" not in repr(storage(password="secret-word"))
