"""What no field of a file system, or of its alarms, takes, said with the field's name."""

import pytest

from constructs_lib.lustre import (
    Backups,
    IntelligentTiering,
    LustreSettings,
    Mirror,
    NoCache,
    Persistent2,
    ProvisionedCache,
    Repository,
    Scratch2,
)
from constructs_lib.operation import FileAlarms, MirrorAlarms
from constructs_lib.values import InvalidValue, Value

LINK = {"directory": "/data", "bucket": "data", "prefix": "a/", "imports": ("NEW",), "exports": ()}
GIVEN: dict[type[Value], dict[str, object]] = {
    Scratch2: {"capacity_gib": 1200},
    Persistent2: {"capacity_gib": 1200, "throughput": 125, "efa": False},
    IntelligentTiering: {"throughput_mbps": 4000, "metadata_operations": 6000, "cache": NoCache(), "efa": False},
    ProvisionedCache: {"gib": 32},
    Repository: LINK,
    Mirror: {"repositories": (Repository(**LINK),), "log_days": 30},
    Backups: {"days": 7, "at": "04:00"},
    LustreSettings: {"deployment": Scratch2(capacity_gib=1200), "compression": "LZ4", "maintenance": "7:03:00"},
    FileAlarms: {"left_percent": 10, "mirror": None},
    MirrorAlarms: {"behind_minutes": 5, "failures": 0},
}
WRONG: tuple[tuple[type[Value], dict[str, tuple[object, ...]]], ...] = (
    (Scratch2, {"capacity_gib": (0, 600)}),
    (Persistent2, {"capacity_gib": (0,), "throughput": (300,)}),
    (IntelligentTiering, {"throughput_mbps": (0, 2_004_000), "metadata_operations": (3000,)}),
    (ProvisionedCache, {"gib": (0,)}),
    (Repository, {"directory": ("data", f"/{'d' * 4096}"), "bucket": ("b",), "prefix": ("a", f"{'p' * 900}/"),
                  "chunk_mib": (0, 512_001)}),
    (Mirror, {"repositories": ((),), "log_days": (2,)}),
    (Backups, {"days": (0, 91), "at": ("24:00",)}),
    (LustreSettings, {"compression": ("ZSTD",), "maintenance": ("0:03:00",)}),
    (FileAlarms, {"left_percent": (0, 91)}),
    (MirrorAlarms, {"behind_minutes": (0, 1441), "failures": (-1,)}),
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "field", "wrong"),
    [(kind, field, wrong) for kind, fields in WRONG for field, values in fields.items() for wrong in values],
)
def test_a_wrong_value_is_refused_by_its_field_alone(kind: type[Value], field: str, wrong: object) -> None:
    with pytest.raises(InvalidValue) as caught:
        kind(**{**GIVEN[kind], field: wrong})
    (problem,) = caught.value.problems
    assert problem.field.startswith(f"{kind.__name__}.{field}")
