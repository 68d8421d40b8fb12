"""Read a Python module: the first line of its docstring is the title, other docstrings are sections."""

from __future__ import annotations

import ast
import inspect
import warnings

from posembed.quality.documents.document import Document, Section, compose
from posembed.quality.documents.sentences import spans

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def read_python(text: str) -> Document:
    r"""Return the docstrings of a module; a document without a title and sections if it has none, or is no Python.

    A section's heading is the qualified name of a class or function.

    Example:
        >>> read_python('\"\"\"Tools.\n\nFor cats.\"\"\"\ndef feed():\n    \"\"\"Give food.\"\"\"').sections
        (Section(heading='', text='For cats.', level=0), Section(heading='feed', text='Give food.', level=1))
    """
    tree = parsed(text)
    if tree is None:
        return Document("", ())
    title, rest = _summary(_docstring(tree))
    return compose(title, [Section("", rest), *_inside(tree, "", 1)])


def parsed(text: str) -> ast.Module | None:
    """Return a module's syntax tree, or ``None`` for what this version of Python cannot read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in somebody else's strings
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last two: nested far too deep
        return None


def _summary(docstring: str) -> tuple[str, str]:
    """Return the first line and the rest, or the first sentence and the rest where that line ends within it."""
    line, _, rest = docstring.partition("\n")
    if not rest[:1].islower():
        return line, rest
    paragraph = docstring.partition("\n\n")[0]
    end = next((last for _, last in spans(paragraph)), len(line))
    return docstring[:end], docstring[end:]


def _inside(node: ast.AST, prefix: str, level: int) -> list[Section]:
    """Return the documented classes and functions inside a node, also those under ``if`` and ``try``."""
    found = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = prefix + child.name
            if docstring := _docstring(child):
                found.append(Section(name, docstring, level))
            found += _inside(child, f"{name}.", level + 1)
        elif isinstance(child, ast.stmt):
            found += _inside(child, prefix, level)
    return found


def _docstring(node: Documented) -> str:
    # A lone surrogate, which "\\ud800" in a module's source stands for, cannot be tokenized.
    return inspect.cleandoc(ast.get_docstring(node, clean=False) or "").encode("utf-8", "replace").decode()
