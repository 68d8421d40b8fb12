"""Which room of the package may import which; read from the source, so that lazy imports count too."""

import ast
import functools
import graphlib
from pathlib import Path

import posembed

ROOT = Path(posembed.__file__).parent

# Modules at the root that use only each other.
BASE = {
    *("errors", "layout", "files", "generations", "torch_state", "hardware", "storage", "statistics", "corpus"),
    *("text_files", "tokenizing", "windows", "observer", "memory", "locks"),
}
# Each room and what it uses; it may import whatever these use as well.
USES = {
    "records": set(),
    "presets": set(),
    "tables": set(),
    "checkpoint": set(),
    "find": {"records", "checkpoint", "tables"},
    "nn": {"presets"},
    "inspection": {"find"},
    "extension": {"find", "nn"},
    "quality": {"extension", "inspection"},
    "lab": {"records", "nn", "tables"},
    "commands": {"quality", "lab"},
    "report": {"records", "tables"},
    "lesson": {"commands", "report"},
    "integrations": {"commands", "report"},
    "cli": {"lesson", "integrations"},
    "__main__": {"cli"},
    "_version": set(),
    "_moved": set(),
}
# The one exception: a record's `_repr_html_` imports its renderer when a notebook calls it.
EXCEPTIONS = {("records/base.py", "posembed.report.html.renderers")}
# What the exception above may lead back to.
MAY_LEAD_BACK = {"posembed.records.base": {"posembed.report.html.renderers"}}
# Rooms that load without torch; a function within them may import it only where the table below says so.
WITHOUT_TORCH = {
    *("errors", "layout", "files", "generations", "storage", "statistics", "corpus", "windows", "observer"),
    *("memory", "locks", "text_files", "tokenizing", "_version", "_moved"),
    *("records", "presets", "tables", "checkpoint", "find", "inspection", "report", "cli"),
}
WITH_TORCH_FILES = {
    "checkpoint/formats/pickle/torch_arrays.py"
}  # within functions: a pickle can be read by nothing else
# The lab's plain configuration, which the command line reads before anything is trained.
WITHOUT_TORCH_FILES = {"lab/config.py"}


def reachable(room):
    """A room, the base, and everything that the rooms it uses may import."""
    found = {room} | BASE | {"_version"}
    for used in USES.get(room, ()):
        found |= reachable(used)
    return found


@functools.cache
def modules():
    """Every module's path, room and syntax tree; parsing them takes a second."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found.append((path, parts[0], ast.parse(path.read_text(encoding="utf-8"))))
    return found


def imported(tree):
    """Every module that is imported anywhere in the file, with the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            yield node.module, node.lineno
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


def test_every_room_has_its_rule():
    rooms = {room for _, room, _ in modules()} - {"__init__"}

    assert rooms == set(USES) | BASE


def test_rooms_import_only_what_is_below_them():
    checked = 0
    for path, room, tree in modules():
        if room == "__init__":
            continue  # the whole public interface, by name and lazily
        allowed = reachable(room)
        for name, line in imported(tree):
            parts = name.split(".")
            if parts[0] != "posembed" or len(parts) == 1 or not is_room(parts[1]):
                continue
            if (path.relative_to(ROOT).as_posix(), name.removesuffix(".render")) in EXCEPTIONS:
                continue
            checked += 1
            assert parts[1] in allowed, f"{path}:{line}: {room} imports {name}"
    assert checked > 100


def is_room(name):
    return (ROOT / name).is_dir() or (ROOT / f"{name}.py").is_file()


def test_no_room_has_the_name_of_a_public_function():
    rooms = {room for _, room, _ in modules()}
    assert rooms.isdisjoint({"evaluate", "compare", "calibrate", "inspect", "extend", *posembed.__all__} - {"preset"})


def test_the_root_is_imported_whole_only_for_its_place():
    """``import posembed`` gives every name by attribute, which the rule above would not see."""
    users = {}
    for path, room, tree in modules():
        whole = any(isinstance(n, ast.Import) and any(a.name == "posembed" for a in n.names) for n in ast.walk(tree))
        if whole and room != "__init__":
            users[str(path.relative_to(ROOT))] = {
                node.attr
                for node in ast.walk(tree)
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "posembed"
            }
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "posembed":
                raise AssertionError(f"{path}:{node.lineno} imports from the root; name the module")
    assert users == {"lab/runner.py": {"__file__"}}


def test_torch_stays_where_it_belongs():
    for path, room, tree in modules():
        file = path.relative_to(ROOT).as_posix()
        if file in WITH_TORCH_FILES:
            continue
        if room in WITHOUT_TORCH or room == "__init__" or file in WITHOUT_TORCH_FILES:
            heavy = [name for name, _ in imported(tree) if name.split(".")[0] in ("torch", "transformers")]
            assert heavy == [], file


def test_optional_packages_are_imported_where_they_are_used():
    """At the top of a module they would make the whole module need the extra, as a module of ``integrations`` does."""
    for path, room, tree in modules():
        if room == "integrations":
            continue
        for node in tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                for name, line in imported(ast.Module([node], [])):
                    extra = name.split(".")[0] in ("matplotlib", "tokenizers", "transformers")
                    assert not extra, f"{path}:{line} imports {name} at its top"


def executed(tree):
    """The statements that Python executes: none below ``if TYPE_CHECKING``."""
    return ast.Module([n for n in tree.body if not (isinstance(n, ast.If) and "TYPE_CHECKING" in ast.dump(n.test))], [])


def test_no_module_imports_itself_by_a_detour():
    """Module by module, lazy imports counted, those for type checkers alone not."""
    names = {".".join(("posembed", *path.relative_to(ROOT).with_suffix("").parts)): tree for path, _, tree in modules()}
    names = {name.removesuffix(".__init__"): tree for name, tree in names.items()}
    uses = {
        name: {
            other
            for other, _ in imported(executed(tree))
            if other in names and other != name and other not in MAY_LEAD_BACK.get(name, ())
        }
        for name, tree in names.items()
        if name != "posembed"  # the whole public interface, by name and lazily
    }
    assert len(uses) > 100
    tuple(graphlib.TopologicalSorter(uses).static_order())  # raises CycleError, which names the circle
