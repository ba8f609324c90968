"""A database of this cloud is a real MariaDB: its settings hold, its data outlive it, and only its door leads in."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from trainyard.local.clusters.bridge import Bridge
from trainyard.local.clusters.node import Node, available
from trainyard.local.clusters.slurm_packages import default_folder
from trainyard.local.databases import Database, DatabaseError, Databases
from trainyard.local.databases.door import Door
from trainyard.local.databases.instances import place
from trainyard.local.databases.packages import layer_beside, missing
from trainyard.local.databases.server import Server
from trainyard.local.databases.settings import Settings

LAYER = layer_beside(default_folder())
REASON = available() or missing(LAYER)
SETTINGS = Settings(user="slurm", password="it's\\so", schema="jobs", port=3316, binary_log=True,
                    parameters={"innodb_lock_wait_timeout": "900"})  # fmt: skip
needs_mariadb = pytest.mark.skipif(bool(REASON), reason=REASON or "there is a MariaDB")


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    found = Databases(tmp_path_factory.mktemp("databases"), LAYER)
    found.start("db-ONE", SETTINGS)
    yield found
    found.discard("db-ONE")


@pytest.fixture
def server(databases: Databases) -> Server:
    found = databases.find("db-ONE")
    assert found is not None
    return found


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    bridge = Bridge(tmp_path / "hosts", "10.62.0.0/24")
    found = Node(name="head", folder=tmp_path / "head", address="10.62.0.5", bridge=bridge, layers=[LAYER])
    found.start()
    yield found
    found.close()
    bridge.close()


def asked(node: Node, *options: str, password: str = SETTINGS.password) -> list[str]:
    lines: list[str] = []
    node.run(["mariadb", "--no-defaults", "-BN", "--connect-timeout=3", "--host=db.local", "--port=3316",
              "--user=slurm", f"--password={password}", *options], log=lines.append)  # fmt: skip
    return lines


@needs_mariadb
@pytest.mark.slow
def test_a_node_finds_it_by_its_name_with_user_and_password_while_the_door_is_open(
    databases: Databases, node: Node
) -> None:
    def connect():
        return databases.connect("db-ONE")

    told = Database(host="db.local", address="10.62.0.30", port=3316, groups=(), connect=connect)
    door = Door(node.bridge, told)
    assert asked(node, "-e", "SELECT CURRENT_USER(), DATABASE()", "jobs") == ["slurm@%\tjobs"]
    assert "Access denied for user 'slurm'" in asked(node, password="wrong")[0]
    door.close()
    assert "db.local" not in node.bridge.hosts_file.read_text()
    # Nothing of it listens on this machine.
    assert ":3316" not in subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=False).stdout


@needs_mariadb
@pytest.mark.slow
def test_settings_of_the_parameter_group_hold_and_the_master_user_is_no_administrator(server: Server) -> None:
    assert server.execute("SELECT @@innodb_lock_wait_timeout, @@log_bin") == "900\t1"
    rights = server.execute("SHOW GRANTS FOR slurm")
    assert "CREATE ROUTINE" in rights
    assert "SUPER" not in rights


@needs_mariadb
@pytest.mark.slow
def test_a_setting_changes_at_once_or_waits_for_a_start_or_is_refused(server: Server) -> None:
    assert server.set("innodb_lock_wait_timeout", "901")
    assert server.execute("SELECT @@global.innodb_lock_wait_timeout") == "901"
    assert server.set("innodb_lock_wait_timeout", None)
    assert not server.set("back_log", "70")
    with pytest.raises(DatabaseError, match="Unknown system variable 'nonsense'"):
        server.set("nonsense", "1")


@needs_mariadb
@pytest.mark.slow
def test_what_was_written_outlives_a_loss_of_power_and_another_password_is_taken(server: Server) -> None:
    server.execute("CREATE TABLE jobs.job (id INT); INSERT INTO jobs.job VALUES (7)")
    server.lose_power()
    server.start(replace(SETTINGS, password="other"))
    assert server.execute("SELECT id FROM jobs.job") == "7"
    assert server.running


@needs_mariadb
@pytest.mark.slow
def test_tables_that_were_left_half_made_are_made_again(tmp_path: Path) -> None:
    found = Server("half", tmp_path, LAYER)
    found.start(SETTINGS)
    (tmp_path / "made").unlink()
    found.lose_power()
    found.start(SETTINGS)
    found.start(SETTINGS)
    assert found.execute("SHOW DATABASES LIKE 'jobs'") == "jobs"
    found.discard()


@needs_mariadb
@pytest.mark.slow
def test_a_server_that_does_not_take_its_settings_says_which(databases: Databases) -> None:
    with pytest.raises(DatabaseError, match="unknown variable 'nonsense=1'"):
        databases.start("db-TWO", replace(SETTINGS, parameters={"nonsense": "1"}))
    databases.discard("db-TWO")


def test_a_machine_without_it_says_what_to_do(tmp_path: Path) -> None:
    assert missing(tmp_path) == f"there is no MariaDB in {tmp_path}: run `make slurm`"
    with pytest.raises(DatabaseError, match="the cloud runs with processes"):
        Databases(tmp_path, tmp_path, obstacle="the cloud runs with processes").start("db-X", SETTINGS)


def test_addresses_come_from_above_and_a_full_group_of_subnets_is_named() -> None:
    assert place(["10.0.0.0/28", "10.0.0.16/28"], ()) == "10.0.0.14"
    full = {f"10.0.0.{number}" for number in range(16)}
    assert place(["10.0.0.0/28", "10.0.0.16/28"], full) == "10.0.0.30"
    with pytest.raises(DatabaseError, match=r"10\.0\.0\.0/28: no address is free"):
        place(["10.0.0.0/28"], full)
