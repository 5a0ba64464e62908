"""What a run reports while it works, and who listens.

A run takes its listener as the resource ``listener``: the command line passes its screen, a
scheduled run passes nothing and reports to ``Silent``. What a listener shows belongs to commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pipelines.capture.parallel import CaptureResult, Progress
    from pipelines.reading.ledger import ParseResult
    from pipelines.reading.past import PastRead


class Listener(Protocol):
    """Receives what a run reports, in the order in which it happens."""

    def source_asked(self, step: Progress) -> None:
        """Receive a step of the capture of one source."""

    def source_read(self, result: CaptureResult, lines: Sequence[ParseResult]) -> None:
        """Receive the outcome of one source: its capture, and the files read from it."""

    def past_asked(self, source_id: str, done: int, total: int) -> None:
        """Receive how many of the past days of a source are captured."""

    def past_read(self, read: PastRead) -> None:
        """Receive what came of the past of one source."""

    def table_made(self, table: str, rows: int | None) -> None:
        """Receive a table that has been made, with its rows; None for a view."""

    def line(self, text: str) -> None:
        """Receive one line of progress in words."""


class Silent:
    """A listener that ignores every report."""

    def source_asked(self, step: Progress) -> None:
        """Ignore the step."""

    def source_read(self, result: CaptureResult, lines: Sequence[ParseResult]) -> None:
        """Ignore the outcome."""

    def past_asked(self, source_id: str, done: int, total: int) -> None:
        """Ignore the step."""

    def past_read(self, read: PastRead) -> None:
        """Ignore the outcome."""

    def table_made(self, table: str, rows: int | None) -> None:
        """Ignore the table."""

    def line(self, text: str) -> None:
        """Ignore the line."""
