"""A ``with`` statement around whatever has a ``close``."""

from __future__ import annotations

from typing import Self


class Closing:
    """What a ``with`` statement closes at its end, whether that failed or not."""

    def close(self) -> None:
        """Let go of what is held."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
