"""The methods that come with the library: all of them are registered, once, in this order."""

import pkgutil
from importlib import import_module

from posembed.tables import methods
from posembed.tables.built_in import BUILT_IN
from posembed.tables.method import Method
from posembed.tables.registry import METHODS


def test_all_are_registered_in_order():
    for kind, named in METHODS.items():
        ours = [method for method in BUILT_IN if method.kind == kind]
        assert list(named.values())[: len(ours)] == ours


def test_none_that_is_written_is_forgotten():
    written = {
        value
        for module in pkgutil.iter_modules(methods.__path__)
        for value in vars(import_module(f"{methods.__name__}.{module.name}")).values()
        if isinstance(value, Method)
    }
    assert written == set(BUILT_IN)


def test_names_are_unique_within_a_kind():
    named = [(method.kind, method.name) for method in BUILT_IN]
    assert len(named) == len(set(named)) == 17


def test_every_method_says_what_it_does_and_where_it_is_from():
    for method in BUILT_IN:
        assert method.formula
        assert method.exact
        assert method.source
