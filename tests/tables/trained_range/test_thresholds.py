"""Every threshold is used by the room, and says why it has its value."""

import ast
import re
from pathlib import Path

from posembed.tables.trained_range import thresholds

FILE = Path(thresholds.__file__)
LINES = FILE.read_text(encoding="utf-8").splitlines()
NAMES = [
    name.id
    for node in ast.parse(FILE.read_text(encoding="utf-8")).body
    if isinstance(node, ast.Assign)
    for name in ast.walk(node.targets[0])
    if isinstance(name, ast.Name)
]


def test_every_threshold_is_used():
    others = [path.read_text(encoding="utf-8") for path in FILE.parent.glob("*.py") if path != FILE]
    unused = [name for name in NAMES if not any(re.search(rf"\b{name}\b", text) for text in others)]
    inside = [name for name in unused if len(re.findall(rf"\b{name}\b", "\n".join(LINES))) < 2]
    assert inside == []
    assert len(NAMES) > 20


def test_every_threshold_says_why():
    for name in NAMES:
        place = next(number for number, line in enumerate(LINES) if re.match(rf"(\w+, )*{name}\b.* = ", line))
        above, own, below = LINES[place - 1], LINES[place], [*LINES, ""][place + 1]
        assert above.startswith("#") or "  # " in own or below.startswith(('"""', "#")), name
