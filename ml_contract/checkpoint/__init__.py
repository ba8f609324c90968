"""Checkpoints as they lie in a storage: names, documents, which of them go. Training writes them, operators read them.

A save writes into ``step-N/<attempt uuid>/``: shards, a file of each rank's own state, a sidecar of each rank with the
size and CRC64NVME of its files, and ``.metadata``. ``COMMIT.json``, written last and only if there is none, makes the
attempt a checkpoint: it names sidecars and metadata by checksum. ``QUARANTINE.json`` marks one as damaged.
"""
