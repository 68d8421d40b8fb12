import io
import pickle
import re

import pytest
import torch

from posembed import errors


def _drawn() -> dict[str, tuple[str, str | None, int | None]]:
    """name -> (parent, builtin base, exit code), read from the tree in the module's docstring."""
    tree: dict[str, tuple[str, str | None, int | None]] = {}
    path: list[str] = []
    for line in errors.__doc__.splitlines():
        found = re.match(r"    ((?:│   |    )*)(├── |└── )?(\w+Error)\s+(.*)", line)
        if found is None:
            continue
        depth = len(found[1]) // 4 + bool(found[2])
        builtin = re.match(r"\((\w+)\)", found[4])
        code = re.search(r"(\d+)$", found[4])
        tree[found[3]] = (
            path[depth - 1] if depth else "Exception",
            builtin[1] if builtin else None,
            int(code[1]) if code else None,
        )
        path[depth:] = [found[3]]
    return tree


def _classes() -> dict[str, type[errors.PosembedError]]:
    found = {name: value for name, value in vars(errors).items() if isinstance(value, type)}
    return {name: value for name, value in found.items() if issubclass(value, errors.PosembedError)}


def test_the_drawn_tree_names_every_class():
    assert set(_drawn()) == set(_classes())
    assert len(_drawn()) == 13


@pytest.mark.parametrize("name", [name for name in _drawn() if name != "PosembedError"])
def test_the_drawn_tree_is_the_real_one(name):
    parent, builtin, code = _drawn()[name]
    cls = _classes()[name]
    assert cls.__bases__[0].__name__ == parent
    assert builtin is not None
    assert builtin in [base.__name__ for base in cls.__mro__]
    assert issubclass(cls, getattr(__import__("builtins"), builtin))
    assert cls.exit_code == code


def test_missing_extra_names_the_command_that_installs_it():
    error = errors.MissingExtraError("matplotlib", "report", "A plot")
    assert isinstance(error, ImportError)
    assert 'pip install "posembed[report]"' in str(error)
    assert "A plot needs the package 'matplotlib'" in str(error)


def test_a_name_of_a_megabyte_is_cut_in_every_message():
    for cls in _classes().values():
        if cls.__init__ is errors.PosembedError.__init__:  # the others make their message themselves
            message = str(cls(f"tensor {'n' * 1_000_000} is missing: look for it"))
            assert message.startswith("tensor nnn")
            assert message.endswith("nnn is missing: look for it")
            assert len(message) < 500


def test_a_name_with_spaces_is_cut_too():
    message = str(errors.CheckpointError("tensor " + "a b " * 100_000 + "is missing"))
    assert len(message) < 5_000
    assert message.endswith("is missing")
    assert errors.shortened("x" * 399) == "x" * 399


def test_torch_s_advice_to_unpickle_anything_is_not_passed_on():
    file = io.BytesIO()
    torch.save(torch.nn.Linear(1, 1), file)
    file.seek(0)
    with pytest.raises(pickle.UnpicklingError) as refused:
        torch.load(file, weights_only=True)
    said = errors.first_line(refused.value)
    assert said == "the file is damaged, or holds other objects than weights, which are not loaded"
