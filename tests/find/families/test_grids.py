"""Fields that size a grid, and how families resize theirs."""

import re

from posembed.find import families


def test_fields_are_said_once():
    for fields in (families.IMAGE_FIELDS, families.PATCH_FIELDS, families.GRID_COUNT_FIELDS, families.OBLONG):
        assert len(set(fields)) == len(fields)


def test_resizes_are_methods_of_grids():
    from posembed.tables.registry import METHODS

    defaults = (families.DEFAULT_RESIZE, *((law.mode, law.antialias, law.align_corners) for law in families.RESIZES))
    for mode, antialias, align_corners in defaults:
        options = METHODS["grid"][mode].options
        assert antialias is False or "antialias" in options
        assert align_corners is False or "align_corners" in options


def test_a_resize_is_plain_unless_it_says_more():
    law = families.Resize(("new",), "nearest")
    assert (law.antialias, law.align_corners) == (False, False)


def test_a_suffix_is_a_number_or_a_field():
    assert all(isinstance(law.suffix, int) or law.suffix.isidentifier() for law in families.SUFFIXES)


def test_timm_takes_no_size_for_these():
    for name in ("vit_naflex", "timm/qwen3_vl", "timm/hieradet_small"):
        assert re.search(families.TIMM_FIXED, name)
    assert not re.search(families.TIMM_FIXED, "timm/vit_base_patch16_224")
