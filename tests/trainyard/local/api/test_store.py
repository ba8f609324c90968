"""Documents: durable when the call returns, atomic, in order."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainyard.local.api.errors import ServiceError
from trainyard.local.api.store import Store

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "deep" / "store.db")


@settings(max_examples=30, deadline=None)
@given(documents=st.dictionaries(st.text(), st.dictionaries(st.text(), JSON, max_size=3), max_size=4))
@pytest.mark.slow
def test_what_is_stored_is_read_after_a_restart(
    tmp_path_factory: pytest.TempPathFactory, documents: dict[str, dict[str, object]]
) -> None:
    file = tmp_path_factory.mktemp("store") / "store.db"
    first = Store(file)
    for key, document in documents.items():
        first.insert("kind", key, document)
    first.close()
    second = Store(file)
    assert second.list("kind") == list(documents.values())
    assert {key: second.get("kind", key) for key in documents} == documents


def test_a_document_survives_the_kill_of_its_process(tmp_path: Path) -> None:
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom trainyard.local.api.store import Store\n"
        "store = Store(Path(sys.argv[1]))\nstore.insert('kind', 'key', {'a': 1})\nstore.update('kind', 'key', b=2)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "store.db")], check=False)
    assert Store(tmp_path / "store.db").get("kind", "key") == {"a": 1, "b": 2}


def test_a_key_is_taken_once(store: Store) -> None:
    store.insert("kind", "key", {"a": 1})
    store.insert("other", "key", {"a": 2})
    with pytest.raises(ServiceError, match="ResourceInUse: kind key already exists"):
        store.insert("kind", "key", {"a": 3})
    assert store.get("kind", "key") == {"a": 1}


def test_changes_from_many_threads_all_arrive(store: Store) -> None:
    store.insert("kind", "key", {"count": 0})

    def add() -> None:
        for _ in range(20):
            store.modify("kind", "key", lambda document: document.update(count=document["count"] + 1))

    threads = [threading.Thread(target=add) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get("kind", "key") == {"count": 100}


def test_a_change_that_fails_changes_nothing(store: Store) -> None:
    store.insert("kind", "key", {"a": 1})

    def change(document: dict[str, object]) -> None:
        document["a"] = 2
        raise KeyError("no")

    with pytest.raises(KeyError):
        store.modify("kind", "key", change)
    assert store.get("kind", "key") == {"a": 1}


def test_updates_keep_the_order_and_deletes_end_it(store: Store) -> None:
    for name in "abc":
        store.insert("kind", f"x/{name}", {"name": name})
    store.insert("kind", "y/d", {"name": "d"})
    store.update("kind", "x/a", seen=True)
    assert [document["name"] for document in store.list("kind", "x/")] == ["a", "b", "c"]
    assert store.delete("kind", "x/b")
    assert not store.delete("kind", "x/b")
    assert [document["name"] for document in store.list("kind")] == ["a", "c", "d"]
    with pytest.raises(ServiceError, match="ResourceNotFound"):
        store.update("kind", "x/b", seen=True)


def test_a_document_is_found_by_its_arn(store: Store) -> None:
    store.insert("Job", "a", {"JobArn": "arn:1"})
    store.insert("Step", "s", {"JobArn": "arn:1", "Other": 1})
    assert store.find("JobArn", "arn:1") == ("Job", "a", {"JobArn": "arn:1"})
    assert store.find("JobArn", "arn:2") is None
    assert store.find('Job"Arn', "x") is None


def test_a_full_disk_is_said_and_changes_nothing(store: Store) -> None:
    store.insert("Job", "a", {"size": 1})
    pages = store._database.execute("PRAGMA page_count").fetchone()[0]
    store._database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(ServiceError, match=r"is full: nothing was changed\. Free some of it, and try again"):
        store.update("Job", "a", size="x" * 100_000)
    assert store.get("Job", "a") == {"size": 1}
