"""CrossViT scales one image for two grids: sizes that both can have are accepted, others named."""

import pytest

from posembed import plan_extension
from posembed.errors import InvalidArgumentError


def crossvit(write, image, sides):
    tensors = {f"pos_embed_{branch}": (1, side * side + 1, 4) for branch, side in enumerate(sides)}
    tensors |= {f"cls_token_{branch}": (1, 1, 4) for branch in range(2)}
    config = {
        "architecture": f"crossvit_tiny_{image}",
        "model_args": {"img_size": [image, image]},
        "pretrained_cfg": {"input_size": [3, image, image]},
    }
    return write(tensors, config=config)


def test_a_size_that_keeps_the_proportion_is_whole_in_both(write):
    plan = plan_extension(crossvit(write, 240, (20, 14)), image_size=360)
    assert plan.blocked == ()
    assert [change.layout.grid for change in plan.tables] == [(30, 30), (21, 21)]


def test_a_size_that_does_not_is_refused_with_those_that_do(write):
    plan = plan_extension(crossvit(write, 240, (20, 14)), image_size=264)
    assert plan.blocked == (
        "pos_embed_0 and pos_embed_1 read one image in two sizes, whose proportion 22 × 22 and 15 × 15 patches do not "
        "keep: use 360 × 360 pixels",
    )


def test_two_grids_of_whole_patches_need_no_proportion(write):
    """Of 408 pixels, the patches of 12 and, in effect, of 17: what is whole in both keeps the proportion."""
    source = crossvit(write, 408, (34, 24))
    assert plan_extension(source, image_size=612).blocked == ()
    with pytest.raises(InvalidArgumentError, match=r"17 × 17 of pos_embed_1: use 408 × 408 or 425 × 425 pixels"):
        plan_extension(source, image_size=420)
