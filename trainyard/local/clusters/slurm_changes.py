"""What people and lifecycle scripts have changed in a slurm.conf, kept when the file is written again.

Source: "SlurmConfigStrategy" (SageMaker HyperPod references, SageMaker AI Developer Guide, read 2026-11-22): Merge
keeps such changes, Overwrite does not, Managed lets no update of the cluster pass while there are any.
"""

import re
from collections.abc import Sequence

_NAMED = ("nodename", "partitionname", "nodeset", "downnodes", "include")
"""What may stand there more than once: told apart by its whole first word, not by its key."""


def changes(written: str, found: str) -> list[str]:
    """The lines of a file that whoever wrote it did not write, in their order."""
    own = {_plain(line) for line in written.splitlines()}
    return [line.strip() for line in found.splitlines() if _plain(line) and _plain(line) not in own]


def merged(text: str, kept: Sequence[str]) -> str:
    """A new slurm.conf with changes of before.

    A kept line takes the place of the new one that sets the same. Nodes and partitions are as the cluster says: theirs
    are kept where the new text has none of that name.

    Args:
        text: the new file.
        kept: lines from `changes`.
    """
    ours = {_subject(line) for line in text.splitlines() if _repeats(line)}
    staying = [line for line in kept if not (_repeats(line) and _subject(line) in ours)]
    replaced = {_subject(line) for line in staying if not _repeats(line)}
    lines = [line for line in text.splitlines() if _repeats(line) or _subject(line) not in replaced]
    return "\n".join([*lines, *staying]) + "\n"


def _plain(line: str) -> str:
    """A line as Slurm reads it: without comment, in one case; empty where nothing is left."""
    return " ".join(line.partition("#")[0].split()).lower()


def _repeats(line: str) -> bool:
    return re.split(r"[=\s]", _plain(line), maxsplit=1)[0] in _NAMED


def _subject(line: str) -> str:
    """What a line is about: its key, and for what may be repeated its name too."""
    plain = _plain(line)
    if plain.startswith("include"):
        return plain
    return plain.split(" ")[0] if _repeats(line) else plain.partition("=")[0].strip()
