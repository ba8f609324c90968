"""What a node reads of its documents, for the scripts beside it: Python 3.8 or newer and its standard library.

``lib/places.sh`` starts it by a path of its own, so its modules know each other by relative names alone. A step may ask
ten times, so nothing is imported that is slow to load and not needed: ``typing`` is for those who check, and there
is no ``pathlib``.
"""
