"""Compare two folders of records: equal to the last bit, but for what the two tables name."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.golden.deliberate import Deliberate
from benchmarks.golden.masks import Mask

WORDY = ("words", "messages")  # groups whose texts change on purpose: compared on demand, exit codes always
_ABSENT = "<absent>"
_MASKED = "<masked>"


@dataclass(frozen=True)
class Difference:
    """One value that is not as it was."""

    scenario: str
    path: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.scenario}  {self.path}\n    before: {self.before}\n    after:  {self.after}"


@dataclass
class Comparison:
    """What was found, and which entries of the list of deliberate changes had a part in it."""

    differences: list[Difference] = field(default_factory=list)
    used: set[object] = field(default_factory=set)
    scenarios: int = 0
    values: int = 0

    def unused(self, deliberate: Deliberate) -> list[object]:
        """Entries that nothing needed."""
        every = (*deliberate.renamed, *deliberate.reworded, *deliberate.added, *deliberate.accepted)
        return [entry for entry in every if entry not in self.used]


def read_records(folder: Path) -> dict[str, dict[str, Any]]:
    """Records by ``GROUP/SCENARIO``; every group is a file of its own."""
    return {
        f"{file.stem}/{name}": record
        for file in sorted(folder.glob("*.json"))
        for name, record in json.loads(file.read_text(encoding="utf-8")).items()
    }


def compare_folders(
    before: Path,
    after: Path,
    deliberate: Deliberate,
    masks: Sequence[Mask],
    *,
    words: bool = False,
    only: Sequence[str] | None = None,
) -> Comparison:
    """Compare what was recorded in two folders: every group, or ``only`` some; wordy ones whole with ``words``."""
    old, new = (
        {name: each for name, each in read_records(folder).items() if not only or name.split("/")[0] in only}
        for folder in (before, after)
    )
    found = Comparison()
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in old or name not in new:
            gone, come = ("recorded" if name in side else _ABSENT for side in (old, new))
            found.differences.append(Difference(name, "", gone, come))
            continue
        found.scenarios += 1
        _compare_records(name, old[name], new[name], deliberate, masks, words, found)
    return found


def _compare_records(
    name: str, old: Any, new: Any, deliberate: Deliberate, masks: Sequence[Mask], words: bool, found: Comparison
) -> None:
    group, _, scenario = name.partition("/")
    short = not words and group in WORDY
    before, after = (
        {path: _masked(scenario, path, leaf, masks) for path, leaf in flatten(side) if not short or path == "exit"}
        for side in (old, new)
    )
    before = _renamed(scenario, before, deliberate, found)
    found.values += len(after)
    for path in [*before, *(path for path in after if path not in before)]:
        one, other = before.get(path, _ABSENT), after.get(path, _ABSENT)
        if _same(one, other) or _meant(scenario, path, one, other, deliberate, found):
            continue
        found.differences.append(Difference(name, path, *_shown(one, other)))
    both = [[path for path in side if path in before and path in after] for side in (before, after)]
    moved = next((pair for pair in zip(*both, strict=True) if pair[0] != pair[1]), None)
    if moved is not None and not _meant(scenario, "order of keys", moved[0], moved[1], deliberate, found):
        found.differences.append(Difference(name, "order of keys", *moved))


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that has no parts, with the way to it."""
    parts: Iterator[tuple[Any, Any]] | None = None
    if isinstance(value, dict) and value:
        parts = iter(value.items())
    elif isinstance(value, list) and value:
        parts = enumerate(value)
    if parts is None:
        yield path, value
        return
    for key, part in parts:
        yield from flatten(part, f"{path}/{key}" if path else str(key))


@cache
def pattern(glob: str) -> re.Pattern[str]:
    """A path or name in which each ``*`` stands for anything, and is remembered."""
    return re.compile("(.*)".join(map(re.escape, glob.split("*"))), re.DOTALL)


def _fits(glob: str, text: str) -> bool:
    return glob == "*" or pattern(glob).fullmatch(text) is not None


def _masked(scenario: str, path: str, leaf: Any, masks: Sequence[Mask]) -> Any:
    for mask in masks:
        if not _fits(mask.path, path) or not _fits(mask.scenario, scenario):
            continue
        if not mask.text:
            return _MASKED
        if isinstance(leaf, str):
            leaf = re.sub(mask.text, _MASKED, leaf)
    return leaf


def _renamed(scenario: str, leaves: dict[str, Any], deliberate: Deliberate, found: Comparison) -> dict[str, Any]:
    for entry in deliberate.renamed:
        if not _fits(entry.scenario, scenario):
            continue
        moved = {}
        for path, leaf in leaves.items():
            match = pattern(entry.before).fullmatch(path)
            if match is None:
                moved[path] = leaf
                continue
            parts = iter(match.groups())
            pieces = entry.after.split("*")
            moved["".join(piece + next(parts, "") for piece in pieces[:-1]) + pieces[-1]] = leaf
            found.used.add(entry)
        leaves = moved
    return leaves


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and repr(one) == repr(other)  # repr tells −0.0 from 0.0


def _meant(scenario: str, path: str, one: Any, other: Any, deliberate: Deliberate, found: Comparison) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        said = [
            entry for entry in deliberate.reworded if _fits(entry.scenario, scenario) and entry.before in _plain(one)
        ]
        text = _plain(one)
        for entry in said:
            text = text.replace(entry.before, entry.after)
        if said and re.sub(r"\s+", "", text) == re.sub(r"\s+", "", _plain(other)):
            found.used.update(said)
            return True
    for added in deliberate.added if one == _ABSENT else ():
        if _fits(added.scenario, scenario) and _fits(added.path, path):
            found.used.add(added)
            return True
    for accepted in deliberate.accepted:
        if _fits(accepted.scenario, scenario) and _fits(accepted.path, path):
            texts = (side if isinstance(side, str) else json.dumps(side) for side in (one, other))
            if not accepted.text or any(re.search(accepted.text, text) for text in texts):
                found.used.add(accepted)
                return True
    return False


def _plain(text: str) -> str:
    """Without what only fills a line: frames of tables, padding, line breaks."""
    return re.sub(r"[\s─━┏┓┗┛┡┩┳┻╇┴┬┼├┤└┘┌┐│┃╭╮╰╯]+", " ", text).strip()


def _shown(one: Any, other: Any) -> tuple[str, str]:
    """Both sides in one line each: of long texts the first lines that differ."""
    if isinstance(one, str) and isinstance(other, str) and "\n" in one + other:
        lines = list(difflib.ndiff(one.splitlines(), other.splitlines()))
        gone, come = ([line[2:].strip() for line in lines if line[:2] == sign][:2] for sign in ("- ", "+ "))
        return _cut(" ⏎ ".join(gone) or _ABSENT), _cut(" ⏎ ".join(come) or _ABSENT)
    return _cut(repr(one)), _cut(repr(other))


def _cut(text: str, limit: int = 300) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"
