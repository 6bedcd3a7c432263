"""Reads the rows of needs, and determines which indicators can be published now."""

from datetime import date

from contracts.outcomes import Indicator
from services.chassis.engine.timers import Progress
from services.chassis.ports import Claims

from ..domain.indicators import TABLE, PublicationRules, indicators


class Publisher:
    """Publishes each settled window once per process. After a restart the same records are published again."""

    def __init__(self, rules: PublicationRules, claims: Claims, progress: Progress) -> None:
        self._rules, self._claims, self._progress = rules, claims, progress
        self._until = date.min

    async def settled(self) -> list[tuple[Indicator, str]]:
        """Cells of windows that have settled since the last call, with their record keys. Raises `TransientError`."""
        read_up_to = await self._progress.read_up_to()
        if read_up_to is None:
            return []
        rows = [row for row in (await self._claims.all(TABLE)).values() if row["sent_at"] is not None]
        cells = indicators(rows, self._rules, read_up_to, self._until)
        self._until = max((cell.window_end for _, cell in cells), default=self._until)
        return [(cell, key) for key, cell in cells]
