"""Fields of JSON files before and after, and sizes in the form of the old ones."""

from pathlib import Path

import pytest

from posembed.extension.field_change import FieldChange, apply_changes, in_form, look, resized


def change(path, after, before=None):
    return FieldChange(Path("config.json"), path, before, after, "")


def test_a_field_has_a_dotted_name():
    assert change(("a", 0, "b"), 1).name == "a.0.b"


def test_a_path_leads_through_objects_and_lists():
    assert look({"a": [{"b": 3}]}, ("a", 0, "b")) == 3
    assert look({"a": [{"b": 3}]}, ("a", 1, "b")) is None
    assert look({"a": 7}, ("a", "b")) is None


def test_changes_keep_the_order_and_make_missing_objects():
    settings = {"z": 1, "a": {"b": 2, "c": 3}}
    new = apply_changes(settings, [change(("a", "b"), 5), change(("model_args", "img_size"), [8, 8])])
    assert list(new) == ["z", "a", "model_args"]
    assert new == {"z": 1, "a": {"b": 5, "c": 3}, "model_args": {"img_size": [8, 8]}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (32, [48, 40]),
        (None, [48, 40]),
        ([32], [48]),
        ([32, 32], [48, 40]),
        ([3, 32, 32], [3, 48, 40]),
        ({"height": 32, "width": 32, "x": 1}, {"height": 48, "width": 40, "x": 1}),
    ],
)
def test_forms_of_a_size(before, after):
    assert in_form(before, 48, 40) == after


@pytest.mark.parametrize(
    ("value", "after"),
    [
        (32, 48),
        ([32, 32], [48, 48]),
        ({"height": 32, "width": 32}, {"height": 48, "width": 48}),
        ({"shortest_edge": 32}, {"shortest_edge": 48}),
        ({"longest_edge": 32}, {"longest_edge": 48}),
        ({"shortest_edge": 20, "longest_edge": 32}, {"shortest_edge": 20, "longest_edge": 48}),
        ({"shortest_edge": 20}, None),
        ({"height": 32, "width": 64}, None),
        (16, None),
        (True, None),
        ("32", None),
        (None, None),
    ],
)
def test_a_size_that_is_the_old_one(value, after):
    assert resized(value, (32, 32), (48, 48)) == after


def test_edges_of_images_that_are_not_square():
    both = {"shortest_edge": 24, "longest_edge": 32}
    assert resized(both, (32, 24), (64, 40)) == {"shortest_edge": 40, "longest_edge": 64}
