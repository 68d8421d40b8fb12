"""Tests mirror the package: every module has its test file, and every test file its module."""

from pathlib import Path

import posembed

PACKAGE = Path(posembed.__file__).parent
TESTS = Path(__file__).parent
# Folders of tests that belong to no room: documentation, what is published, pages in a browser, benchmarks.
WITHOUT_A_ROOM = {"documentation", "packaging", "report/browser", "benchmarks", "golden", "fixtures"}
# Tests of the whole package, not of one module.
OF_THE_WHOLE = {"test_import_rule.py", "test_mirror.py", "test_public.py", "test_moved.py", "test_structure.py"}
OF_A_ROOM = {"quality/test_dataclasses.py": "no record of the room can be changed"}
# Modules whose content something else exercises.
WITHOUT_A_TEST = {
    "__main__.py": "tests/cli runs `python -m posembed`",
    "_version.py": "test_public.py compares it with the installed package",
    "_moved.py": "test_moved.py",
    "tables/methods/sources.py": "the names of publications",
    "lesson/from_scratch.py": "tests/lesson/test_scratch.py runs it as readers do",
}


def test_every_module_has_a_test_file():
    lacking = [str(module) for module in modules() if not counterparts(module)]
    assert lacking == []


def test_every_test_file_has_a_module():
    known = {test for module in (*modules(), *packages()) for test in counterparts(module)}
    stray = [
        path.relative_to(TESTS).as_posix()
        for path in TESTS.rglob("test_*.py")
        if path not in known and path.name not in OF_THE_WHOLE and not belongs_to_no_room(path)
    ]
    stray = [path for path in stray if path not in OF_A_ROOM]
    assert stray == []


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE)
        if module.name != "__init__.py" and module.as_posix() not in WITHOUT_A_TEST:
            yield module


def packages():
    """A package may have a test file of its own, for what its modules are together."""
    for path in sorted(PACKAGE.rglob("__init__.py")):
        package = path.parent.relative_to(PACKAGE)
        yield package / "init.py"
        if package.name:
            yield package.with_suffix(".py")


def counterparts(module):
    """``nn/learned.py`` is tested by ``nn/test_learned.py`` and ``nn/test_learned_<aspect>.py``."""
    folder = TESTS / module.parent
    return [*folder.glob(f"test_{module.stem}.py"), *folder.glob(f"test_{module.stem}_*.py")]


def belongs_to_no_room(path):
    folder = path.parent.relative_to(TESTS).as_posix()
    return any(folder == each or folder.startswith(f"{each}/") for each in WITHOUT_A_ROOM)
