"""The source that a run reads its samples from: its channel's folder, or a prefix of S3 while it trains."""

from __future__ import annotations

from pathlib import Path

from ml_contract.training.surroundings import Loading
from training_code.data.source import Folder, Source


def open_source(loading: Loading, channel: Path) -> Source:
    """Where a run reads its samples: the stream that it names, else the channel's folder.

    File, FastFile and FSx channels all are folders. Pipe mode, a FIFO without order or resume, is read by nothing here.
    """
    if loading.stream_uri is None:
        return Folder(channel)
    # S3's client takes time to import, and memory.
    from training_code.data.streaming import S3Source

    # Every process that loads has a buffer of its own.
    return S3Source(loading.stream_uri, buffer_bytes=loading.buffer_mib * 2**20 // max(1, loading.workers))
