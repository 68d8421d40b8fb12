"""Count what makes the package hard to read: untyped dictionaries, wide functions, branches on a kind, long files.

Run: python -m benchmarks.structure [--list]

Docstrings and comments do not count. A function made from an options record counts the parameters that it names
itself; constructors, which dataclasses write, do not count.
"""

from __future__ import annotations

import argparse
import ast
import functools
import re
from pathlib import Path

import posembed

ROOT = Path(posembed.__file__).parent
_ANY = re.compile(r"\b[Dd]ict\[str, Any\]")
_KIND = re.compile(r"kind", re.IGNORECASE)


@functools.cache
def sources() -> list[tuple[str, str, ast.Module]]:
    """Return every module of the package: its path, its text, its syntax tree."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(ROOT.rglob("*.py"))}
    return [(path.relative_to(ROOT).as_posix(), text, ast.parse(text)) for path, text in texts.items()]


def untyped_dictionaries() -> list[str]:
    """List every ``dict[str, Any]`` in an annotation or alias, as ``file:line``."""
    found = []
    for file, text, tree in sources():
        strings = {
            line
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.end_lineno != node.lineno
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        }
        for number, line in enumerate(text.splitlines(), start=1):
            if number not in strings:
                found += [f"{file}:{number}"] * len(_ANY.findall(line.split("  #")[0]))
    return found


def widths() -> list[tuple[int, str]]:
    """List every function's number of named parameters, the widest first.

    Constructors are left out, and compiled kernels, whose parameters are arrays and sizes that nothing can bundle.
    """
    found = []
    for file, _, tree in sources():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                and node.name != "__init__"
                and not _is_kernel(node)
            ):
                a = node.args
                named = [arg for arg in (*a.posonlyargs, *a.args, *a.kwonlyargs) if arg.arg not in ("self", "cls")]
                found.append((len(named), f"{file}:{node.lineno} {node.name}"))
    return sorted(found, reverse=True)


def _is_kernel(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    decorators = [ast.unparse(decorator) for decorator in function.decorator_list]
    return any("triton.jit" in each or each.startswith("_compiled(") for each in decorators)


def kind_branches() -> list[str]:
    """List every comparison of a variable or attribute with "kind" in its name with a string (or several)."""
    found = []
    for file, _, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare):
                sides = [node.left, *node.comparators]
                if any(_is_kind(side) for side in sides) and any(_is_text(side) for side in sides):
                    found.append(f"{file}:{node.lineno}")
            elif isinstance(node, ast.Match) and _is_kind(node.subject):
                found += [f"{file}:{case.pattern.lineno}" for case in node.cases]
    return found


def _is_kind(node: ast.expr) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "dtype":
        return False  # NumPy's dtype.kind
    return bool(_KIND.search(name))


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return bool(node.elts) and all(_is_text(each) for each in node.elts)
    if isinstance(node, ast.IfExp):
        return _is_text(node.body) and _is_text(node.orelse)
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def long_files(limit: int = 300) -> list[tuple[int, str]]:
    """List files above ``limit`` lines, the longest first."""
    return sorted(((n, file) for file, text, _ in sources() if (n := text.count("\n")) > limit), reverse=True)


def main() -> None:
    """Print the counts, and with ``--list`` every place."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print every place")
    everything = parser.parse_args().list
    wide = [f"{count} {place}" for count, place in widths() if count > 10]
    files = [f"{count} {file}" for count, file in long_files()]
    print(f"parameters of the widest function: {widths()[0][0]}")
    for name, places in (
        ("dict[str, Any]", untyped_dictionaries()),
        ("functions of more than 10 parameters", wide),
        ("branches on a kind", kind_branches()),
        ("files above 300 lines", files),
    ):
        print(f"{name}: {len(places)}")
        if everything:
            print("".join(f"    {place}\n" for place in places), end="")


if __name__ == "__main__":
    main()
