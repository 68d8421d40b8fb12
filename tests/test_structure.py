"""The package stays readable: bounds on what benchmarks/structure.py counts."""

from benchmarks.structure import kind_branches, long_files, untyped_dictionaries, widths


def test_untyped_dictionaries_are_few():
    found = untyped_dictionaries()
    assert len(found) <= 30, found


def test_functions_take_at_most_ten_parameters():
    assert [place for count, place in widths() if count > 10] == []


def test_kinds_are_objects_and_not_compared_with_strings():
    found = kind_branches()
    assert len(found) <= 5, found


def test_files_have_at_most_300_lines():
    assert long_files() == []
