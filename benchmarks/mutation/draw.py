"""Draw mutants: a place in the source at random, then one of the changes that are possible there."""

from __future__ import annotations

import ast
import difflib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator

import posembed

PACKAGE = Path(posembed.__file__).parent
ROOMS = ("find", "tables/trained_range", "quality")
_NEEDS_ARGUMENTS = ("core/VariableReplacer", "core/VariableInserter")
Place = tuple[int, int]


@dataclass(frozen=True)
class Mutant:
    """One change of one module.

    Attributes:
        room: the folder whose tests are run.
        file: the module, relative to the package.
        operator: the name of the mutation.
        occurrence: its number among all that this operator can make in the module.
        line: where it stands, from 1.
        before: the first line that changes.
        after: what it becomes.
    """

    room: str
    file: str
    operator: str
    occurrence: int
    line: int
    before: str
    after: str

    @property
    def module(self) -> str:
        """The module's dotted name."""
        parts = Path(self.file).with_suffix("").parts
        return ".".join(("posembed", *(parts[:-1] if parts[-1] == "__init__" else parts)))

    @property
    def name(self) -> str:
        """A name that survives a change of line numbers."""
        return f"{self.file}: {self.before} → {self.after}"

    def source(self) -> str:
        """Return the text of the changed module."""
        text = (PACKAGE / self.file).read_text(encoding="utf-8")
        changed = mutate_code(text, _operator(self.operator), self.occurrence)
        assert changed is not None
        return str(changed)


def draw_mutants(count: int, seed: int, rooms: tuple[str, ...] = ROOMS) -> list[Mutant]:
    """Draw mutants without replacement, every mutable place being equally likely.

    An operator such as ``+`` has eleven replacements; places come first so that arithmetic does not crowd out the rest.
    """
    rng = random.Random(seed)
    places = [(room, file, *found) for room in rooms for file in _files(room) for found in _places(file).items()]
    rng.shuffle(places)
    mutants = []
    for room, file, (line, _), choices in places:
        if len(mutants) == count:
            break
        operator, occurrence = rng.choice(choices)
        changed = _changed_line(file, operator, occurrence)
        if changed is not None:
            mutants.append(Mutant(room, file, operator, occurrence, line, *changed))
    return mutants


def _files(room: str) -> list[str]:
    return [path.relative_to(PACKAGE).as_posix() for path in sorted((PACKAGE / room).rglob("*.py"))]


def _operator(name: str) -> Operator:
    made: Operator = plugins.get_operator(name)()
    return made


def _places(file: str) -> dict[Place, list[tuple[str, int]]]:
    """Every place that can be mutated, with the operators and their occurrence there; annotations are left out."""
    text = (PACKAGE / file).read_text(encoding="utf-8")
    left_out = list(_annotations(ast.parse(text)))
    nodes = list(ast_nodes(get_ast(text)))
    found: dict[Place, list[tuple[str, int]]] = {}
    for name in plugins.operator_names():
        if name in _NEEDS_ARGUMENTS:
            continue
        operator, occurrence = _operator(name), 0
        for node in nodes:
            for start, _ in operator.mutation_positions(node):
                if not any(begin <= start < end for begin, end in left_out):
                    found.setdefault(start, []).append((name, occurrence))
                occurrence += 1
    return found


def _annotations(tree: ast.AST) -> Iterator[tuple[Place, Place]]:
    """Begin and end of every annotation and type alias."""
    for node in ast.walk(tree):
        parts: list[ast.expr | None] = []
        if isinstance(node, ast.AnnAssign):
            parts = [node.annotation]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            parts = [node.returns]
        elif isinstance(node, ast.arg):
            parts = [node.annotation]
        elif isinstance(node, ast.Assign) and _is_alias(node):
            parts = [node.value]
        for part in parts:
            if part is not None:
                assert part.end_lineno is not None
                assert part.end_col_offset is not None
                yield (part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)


def _is_alias(node: ast.Assign) -> bool:
    """Whether an assignment names a type: ``Tokens = NDArray[np.int64]`` or ``Json = None | bool``."""
    name = node.targets[0]
    capital = isinstance(name, ast.Name) and name.id[:1].isupper() and not name.id.isupper()
    return capital and isinstance(node.value, ast.Subscript | ast.BinOp)


def _changed_line(file: str, operator: str, occurrence: int) -> tuple[str, str] | None:
    """The first line that differs, before and after; ``None`` where the operator changes nothing."""
    before = (PACKAGE / file).read_text(encoding="utf-8")
    after = mutate_code(before, _operator(operator), occurrence)
    if after is None:
        return None
    try:
        ast.parse(after)
    except SyntaxError:
        return None
    lines = [
        line
        for line in difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
        if line[:3] not in ("---", "+++")
    ]
    old = next((line[1:].strip() for line in lines if line.startswith("-")), "")
    new = next((line[1:].strip() for line in lines if line.startswith("+")), "(removed)")
    return (old, new) if lines else None
