"""The sizes next to one that does not work."""

import pytest

from posembed.extension.nearest_sizes import nearest_sizes


@pytest.mark.parametrize(
    ("sizes", "steps", "options", "text"),
    [
        ((58, 58), (8, 8), {}, "use 56 × 56 or 64 × 64"),
        ((58, 56), (8, 8), {}, "use 56 × 56 or 64 × 56"),
        ((20,), (8,), {"old": (16,)}, "use 24"),
        ((58, 58), (8, 4), {"scale": (4, 16), "old": (56, 56)}, "use 256 × 960"),
        ((7, 20), (8, 8), {}, "use 8 × 24"),
    ],
)
def test_multiples(sizes, steps, options, text):
    assert nearest_sizes(sizes, steps, **options) == text
