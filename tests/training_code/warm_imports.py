"""Imported in the forkserver alone."""

import gc
import importlib

from warm_forkserver import NEEDED

for name in NEEDED:
    importlib.import_module(name)
# A rank's collections pass over all of this: to look at it would copy its pages, for half a second of each rank.
gc.collect()
gc.freeze()
