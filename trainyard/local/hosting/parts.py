"""An answer that is sent piece by piece, and what has to be given back when it has been, or when nobody reads on."""

from collections.abc import Callable, Iterator


class Parts(Iterator[bytes]):
    """Pieces with an end that is told once, whether all of them are taken or not."""

    def __init__(self, pieces: Iterator[bytes], ended: Callable[[], None]) -> None:
        """Wraps pieces.

        Args:
            pieces: a generator, or any iterator.
            ended: called after the last piece, after an error, or at `close`.
        """
        self._pieces = pieces
        self._ended: Callable[[], None] | None = ended

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Gives back what the rest of the pieces would need."""
        ended, self._ended = self._ended, None
        if ended is not None:
            close = getattr(self._pieces, "close", None)
            if close is not None:
                close()
            ended()
