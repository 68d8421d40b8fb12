"""Differences that are meant, each with its reason; the only place where they are listed.

``Renamed`` and ``Reworded`` are applied to what was there before; then the two sides must be equal. ``Accepted``
lets a value differ. In every path and scenario ``*`` stands for anything. An entry that nothing needed is reported when
everything was run, so that the lists do not outlive what they excuse.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Renamed:
    """A key of a record that has another name now; each ``*`` of ``after`` is what that of ``before`` stood for.

    Example: ``Renamed("json/tables/*/usable_length", "json/tables/*/usable_positions", "…")``.
    """

    before: str
    after: str
    reason: str
    scenario: str = "*"


@dataclass(frozen=True)
class Reworded:
    """Words within any text (or key that is printed) that read otherwise now. Line breaks and padding may move."""

    before: str
    after: str
    reason: str
    scenario: str = "*"


@dataclass(frozen=True)
class Accepted:
    """A value that may differ, appear or be gone; with ``text`` only where that is found in it before or after."""

    path: str
    reason: str
    text: str = ""
    scenario: str = "*"


@dataclass(frozen=True)
class Deliberate:
    """All that is meant."""

    renamed: tuple[Renamed, ...] = ()
    reworded: tuple[Reworded, ...] = ()
    accepted: tuple[Accepted, ...] = ()


DELIBERATE = Deliberate()
