"""Attributes in which live modules remember a size."""

from posembed.find import families


def test_attributes_are_names_said_once():
    groups = (
        families.ROW_ATTRIBUTES,
        families.PATCH_ATTRIBUTES,
        families.SIDE_ATTRIBUTES,
        families.PIXEL_ATTRIBUTES,
    )
    names = [name for group in groups for name in group]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)
