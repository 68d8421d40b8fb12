"""Every page registers the renderers of its records."""

import ast
from pathlib import Path

from posembed.report.html import renderers


def test_every_page_that_registers_is_gathered():
    folder = Path(renderers.__file__).parent
    registering = {
        path.stem
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "register"
    }
    gathered = {Path(page.__file__).stem for page in renderers.PAGES}
    assert len(registering) >= 4
    assert registering <= gathered
