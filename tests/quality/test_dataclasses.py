"""What the room passes around cannot be changed by who receives it."""

import dataclasses
import importlib
import pkgutil

import posembed.quality


def test_every_dataclass_is_frozen():
    checked = 0
    for module in pkgutil.walk_packages(posembed.quality.__path__, "posembed.quality."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and dataclasses.is_dataclass(value) and value.__module__ == module.name:
                assert value.__dataclass_params__.frozen, value
                checked += 1
    assert checked > 10
