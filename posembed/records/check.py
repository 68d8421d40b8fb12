"""What ``check`` found out about a written copy: whether the library that reads it loads and runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from posembed.records.base import Record

CheckLevel = Literal["auto", "load", "run", "off"]
Outcome = Literal["loads", "loads and runs", "does not load", "does not run", "not checked"]


@dataclass(frozen=True)
class Checked(Record):
    """Whether a copy loads, and runs.

    Attributes:
        outcome: what was found. A copy that does not load or run is not put in place.
        what: class and library that loaded it, such as ``"BertModel of transformers 5.23.0"``; empty if none did.
        reason: of a copy that does not load or run, or was not checked; otherwise what it ran on.
        seconds: wall time from the start of the check to its end; the copy is written meanwhile.
    """

    outcome: Outcome
    what: str = ""
    reason: str = ""
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether the copy must not be put in place."""
        return self.outcome.startswith("does not")

    @property
    def sentence(self) -> str:
        """Say it in one sentence.

        Example:
            >>> Checked("loads", "BertModel of transformers 5.23.0").sentence
            'the copy loads (BertModel of transformers 5.23.0)'
            >>> Checked("not checked", reason="transformers is not installed").sentence
            'not checked whether the copy loads: transformers is not installed'
            >>> Checked("does not run", reason="mat1 has no columns.").sentence
            'the copy does not run: mat1 has no columns'
        """
        reason = self.reason.removesuffix(".")  # a library's message may end with one, and more may follow here
        if self.outcome == "not checked":
            return f"not checked whether the copy loads: {reason}"
        by = f" ({self.what})" if self.what else ""
        return f"the copy {self.outcome}{by}" + (f": {reason}" if reason else "")
