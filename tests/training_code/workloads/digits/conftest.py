"""Ranks are processes that import their part by its name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
