"""Laws and findings are values: nobody can change one that others hold, by accident or by a misspelled attribute."""

import dataclasses
import importlib
import pkgutil

import pytest

import posembed.find

MODULES = [
    importlib.import_module(module.name)
    for module in pkgutil.walk_packages(posembed.find.__path__, prefix="posembed.find.")
]
RECORDS = sorted(
    {
        value
        for module in MODULES
        for value in vars(module).values()
        if isinstance(value, type) and dataclasses.is_dataclass(value) and value.__module__.startswith("posembed.find.")
    },
    key=lambda record: record.__name__,
)


@pytest.mark.parametrize("record", [record for record in RECORDS if dataclasses.fields(record)])
def test_records_cannot_be_changed(record):
    assert "__slots__" in vars(record)
    instance = object.__new__(record)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(instance, dataclasses.fields(record)[0].name, 1)


def test_there_are_records():
    assert len(RECORDS) > 15
