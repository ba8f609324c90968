"""The data scientist's example, which is a script, as a module."""

from __future__ import annotations

import importlib.util
from types import ModuleType

from synthesis import ROOT

PATH = ROOT / "examples" / "adhoc_training" / "train.py"


def load() -> ModuleType:
    """Run the script's definitions anew."""
    spec = importlib.util.spec_from_file_location("adhoc_training", PATH)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
