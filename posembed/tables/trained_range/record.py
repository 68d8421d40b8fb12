"""The result of inferring a table's trained range: a verdict, an interval for its end, and the evidence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class TrainedRange:
    """Which positions were trained, as far as the table alone shows.

    Attributes:
        verdict: ``"ends"``: rows past ``end`` were not, or hardly, trained; ``"whole"``: all were; ``"unknown"``.
        end: number of trained positions, for ``"ends"``.
        low: lower end of the interval of ``end``.
        high: upper end.
        confidence: 0 to 1, the share of such verdicts that held in the study; ``None`` for ``"unknown"``.
        evidence: the numbers behind the verdict, a sentence each.
        odd_rows: unusual rows: positions whose norm stands out from their neighbors'.
        suggested_usable_length: number of leading positions to use, where the table shows it.
    """

    verdict: Literal["whole", "ends", "unknown"]
    end: int | None
    low: int | None
    high: int | None
    confidence: float | None
    evidence: tuple[str, ...]
    odd_rows: tuple[int, ...]
    suggested_usable_length: int | None

    def to_dict(self) -> dict[str, object]:
        """Return plain values for JSON."""
        return asdict(self) | {"evidence": list(self.evidence), "odd_rows": list(self.odd_rows)}
