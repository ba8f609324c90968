"""Documents of the emulated services in SQLite: written when the call returns, readable after a kill -9."""

import copy
import json
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainyard.local.api.errors import ServiceError

Document = dict[str, Any]
Documents = list[Document]
Watcher = Callable[[Document | None, Document], None]
"""Is told of a document before and after a change; before it was there it is None."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    document TEXT NOT NULL,
    UNIQUE (kind, key)
)
"""


class Store:
    """JSON documents by kind and key. Every method is atomic, safe from any thread, and durable when it returns."""

    def __init__(self, file: Path) -> None:
        """Opens, or creates, the database `file`."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._watchers: dict[str, list[Watcher]] = {}
        self._file = file
        self._database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute(_SCHEMA)

    def watch(self, kind: str, watcher: Watcher) -> None:
        """Tells ``watcher`` of each change to documents of a kind, in the thread that made it."""
        self._watchers.setdefault(kind, []).append(watcher)

    def insert(self, kind: str, key: str, document: Document) -> None:
        """Adds a document.

        Raises:
            ServiceError: ResourceInUse, when `key` exists.
        """
        with self._lock:
            try:
                self._write(
                    "INSERT INTO documents (kind, key, document) VALUES (?, ?, ?)", (kind, key, json.dumps(document))
                )
            except sqlite3.IntegrityError as error:
                raise ServiceError("ResourceInUse", f"{kind} {key} already exists. Choose another name.") from error
        self._tell(kind, None, document)

    def get(self, kind: str, key: str) -> Document | None:
        """The document, or None."""
        with self._lock:
            row = self._database.execute(
                "SELECT document FROM documents WHERE kind = ? AND key = ?", (kind, key)
            ).fetchone()
        return None if row is None else _decoded(row[0])

    def update(self, kind: str, key: str, /, **changes: Any) -> Document:
        """Merges `changes` into a document (top level) and returns the result.

        Raises:
            ServiceError: ResourceNotFound, when there is no such document.
        """
        return self.modify(kind, key, lambda document: document.update(changes))

    def modify(self, kind: str, key: str, change: Callable[[Document], None]) -> Document:
        """Lets `change` edit a document in place, as one step that no other thread can come between.

        Raises:
            ServiceError: ResourceNotFound, when there is no such document. Whatever `change` raises leaves the document
                as it was.
        """
        with self._lock:
            document = self.get(kind, key)
            if document is None:
                raise ServiceError("ResourceNotFound", f"Could not find {kind} {key}.")
            before = copy.deepcopy(document) if kind in self._watchers else None
            change(document)
            self._write(
                "UPDATE documents SET document = ? WHERE kind = ? AND key = ?", (json.dumps(document), kind, key)
            )
        if before is not None:
            self._tell(kind, before, document)
        return document

    def delete(self, kind: str, key: str) -> bool:
        """Removes a document; whether there was one."""
        with self._lock:
            return self._write("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key)) == 1

    def _write(self, statement: str, values: tuple[str, ...]) -> int:
        """Changes the database as one step; how many documents it changed.

        Raises:
            ServiceError: InternalFailure, where the disk is full: nothing is changed then.
        """
        try:
            return self._database.execute(statement, values).rowcount
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise
            text = (
                f"the disk that holds {self._file.parent} is full: nothing was changed. Free some of it, and try again."
            )
            raise ServiceError("InternalFailure", text, 500) from error

    def list(self, kind: str, prefix: str = "") -> Documents:
        """All documents of a kind, those whose key starts with `prefix`, oldest first."""
        with self._lock:
            rows = self._database.execute(
                "SELECT document FROM documents WHERE kind = ? AND substr(key, 1, ?) = ? ORDER BY sequence",
                (kind, len(prefix), prefix),
            ).fetchall()
        return [_decoded(row[0]) for row in rows]

    def find(self, field: str, value: str) -> tuple[str, str, Document] | None:
        """Kind, key and content of the oldest document with that text in a top-level field, or None."""
        with self._lock:
            row = self._database.execute(
                "SELECT kind, key, document FROM documents "
                "WHERE json_extract(document, ?) = ? ORDER BY sequence LIMIT 1",
                (f'$."{field}"', value),
            ).fetchone()
        return None if row is None else (row[0], row[1], _decoded(row[2]))

    def _tell(self, kind: str, before: Document | None, after: Document) -> None:
        # Outside of the lock: who is told may ask for other documents, in other threads.
        for watcher in self._watchers.get(kind, ()):
            watcher(before, after)

    def close(self) -> None:
        """Closes the database; nothing can be read afterwards."""
        with self._lock:
            self._database.close()


def _decoded(text: str) -> Document:
    document: Document = json.loads(text)
    return document
