"""Every weight decides a close call: a step up or down changes what the rows of some tensor mean."""

import pytest

from posembed.find.config import affinity, nodes
from posembed.find.families import weights
from posembed.find.search import is_kernel
from tests.fixtures.tensors import found_as

CORE, VISION, TEXT, ENCODER = (f"{name}.position_embeddings" for name in ("core", "vision", "text_model", "encoder"))
PIXELS = {"image_size": 32, "patch_size": 8}  # a grid of 4 × 4
COUNT = {"num_patches": 16}  # the same, as a number of patches
USUAL, OTHER = "max_position_embeddings", "some_max_len"


def text(**fields):
    return {"text_config": fields}


def vision(fields):
    return {"vision_config": fields}


# (weight, change that turns the call, key, shape, configuration, the field that wins as it is, the one that wins then)
CLOSE_CALLS = [
    ("WORD_IN_COMMON", -1, TEXT, (1, 16, 8), text(**{USUAL: 14}) | vision(PIXELS), "text_config." + USUAL,
        "vision_config.image_size"),
    ("WORD_IN_COMMON", +1, TEXT, (1, 17, 8), COUNT | text(**{USUAL: 17}), "num_patches", "text_config." + USUAL),
    ("WORD_MISSING", -1, CORE, (1, 18, 8), {USUAL: 18} | vision(COUNT), "vision_config.num_patches", USUAL),
    ("WORD_MISSING", +1, CORE, (1, 28, 8), COUNT | text(**{USUAL: 28}), "num_patches", "text_config." + USUAL),
    ("OTHER_MODALITY", -1, TEXT, (1, 16, 8), {USUAL: 16} | vision(PIXELS), "vision_config.image_size", USUAL),
    ("OTHER_MODALITY", +1, TEXT, (1, 16, 8), {USUAL: 14} | vision(COUNT), USUAL, "vision_config.num_patches"),
    ("GRID", -0.5, CORE, (16, 8), {USUAL: 16} | PIXELS, "image_size", USUAL),
    ("GRID", +0.5, VISION, (23, 8), {USUAL: 23} | COUNT, USUAL, "num_patches"),
    ("LENGTH_FIELD", -0.5, VISION, (23, 8), {USUAL: 23} | COUNT, USUAL, "num_patches"),
    ("LENGTH_FIELD", +0.5, CORE, (16, 8), {USUAL: 16} | PIXELS, "image_size", USUAL),
    ("OTHER_LENGTH_FIELD", -0.5, CORE, (19, 8), {OTHER: 19} | COUNT, OTHER, "num_patches"),
    ("OTHER_LENGTH_FIELD", +0.5, CORE, (18, 8), {OTHER: 18} | COUNT, "num_patches", OTHER),
    ("EXTRA_ROW", -0.25, VISION, (28, 8), {USUAL: 28} | PIXELS, "image_size", USUAL),
    ("EXTRA_ROW", +0.25, VISION, (28, 8), {USUAL: 28} | COUNT, USUAL, "num_patches"),
    ("MOST_EXTRA_COUNTED", -1, CORE, (1, 28, 8), {USUAL: 28} | PIXELS, USUAL, "image_size"),
    ("MOST_EXTRA_COUNTED", +1, VISION, (28, 8), {USUAL: 28} | PIXELS, "image_size", USUAL),
    ("FEW_EXTRA_ROWS", -0.5, CORE, (16, 8), {USUAL: 16} | PIXELS, "image_size", USUAL),
    ("FEW_EXTRA_ROWS", +0.5, CORE, (17, 8), {USUAL: 17} | PIXELS, USUAL, "image_size"),
    ("IMAGE_KEY", -0.5, VISION, (28, 8), {USUAL: 28} | PIXELS, "image_size", USUAL),
    ("IMAGE_KEY", +0.5, VISION, (23, 8), {USUAL: 23} | COUNT, USUAL, "num_patches"),
    ("IMAGE_SHAPE", -0.5, CORE, (1, 21, 8), {USUAL: 21} | COUNT, "num_patches", USUAL),
    ("IMAGE_SHAPE", +0.5, CORE, (1, 28, 8), {USUAL: 28} | PIXELS, USUAL, "image_size"),
    ("NOT_IN_PIXELS", -0.5, CORE, (1, 21, 8), {USUAL: 21} | COUNT, "num_patches", USUAL),
    ("NOT_IN_PIXELS", +0.5, VISION, (23, 8), {USUAL: 23} | COUNT, USUAL, "num_patches"),
    ("TEXT_KEY", -0.5, TEXT, (16, 8), {OTHER: 15} | PIXELS, "image_size", OTHER),
    ("TEXT_KEY", +0.5, TEXT, (16, 8), {OTHER: 16} | PIXELS, OTHER, "image_size"),
    ("ROW_BEYOND_FIELD", -0.25, CORE, (1, 28, 8), {USUAL: 26} | COUNT, USUAL, "num_patches"),
    ("ROW_BEYOND_FIELD", +0.25, VISION, (28, 8), {USUAL: 26} | COUNT, "num_patches", USUAL),
    ("IMAGE_KEY_AS_SEQUENCE", -0.5, VISION, (23, 8), {USUAL: 23} | COUNT, USUAL, "num_patches"),
    ("IMAGE_KEY_AS_SEQUENCE", +0.5, VISION, (28, 8), {USUAL: 28} | PIXELS, "image_size", USUAL),
    ("IMAGE_SHAPE_AS_SEQUENCE", -0.5, CORE, (1, 28, 8), {USUAL: 28} | PIXELS, USUAL, "image_size"),
    ("IMAGE_SHAPE_AS_SEQUENCE", +0.5, CORE, (1, 21, 8), {USUAL: 21} | COUNT, "num_patches", USUAL),
    ("SAME_SIDE", -0.5, ENCODER, (1, 20, 8), {"max_encoder_position_embeddings": 20} | COUNT,
        "max_encoder_position_embeddings", "num_patches"),
    ("SAME_SIDE", +0.5, ENCODER, (1, 19, 8), {"max_encoder_position_embeddings": 19} | COUNT, "num_patches",
        "max_encoder_position_embeddings"),
    ("OTHER_SIDE", -0.5, ENCODER, (18, 8), {"max_target_positions": 18} | COUNT, "max_target_positions", "num_patches"),
    ("OTHER_SIDE", +0.5, ENCODER, (17, 8), {"max_target_positions": 17} | COUNT, "num_patches", "max_target_positions"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("weight", "change", "key", "shape", "config", "winner", "then"),
    CLOSE_CALLS,
    ids=[f"{call[0]}{call[1]:+}" for call in CLOSE_CALLS],
)
def test_a_step_turns_a_close_call(weight, change, key, shape, config, winner, then, monkeypatch):
    (rule,) = found_as(config, key, shape).fields
    assert rule.name == winner
    monkeypatch.setattr(weights, weight, getattr(weights, weight) + change)
    (rule,) = found_as(config, key, shape).fields
    assert rule.name == then


def test_every_weight_has_two_close_calls():
    names = [name for name in vars(weights) if name.isupper()]
    scores = names[: names.index("MOST_EXTRA")]
    assert [call[0] for call in CLOSE_CALLS] == [
        name for name in scores if name not in ("DEPTH", "DEEPEST_PART") for _ in range(2)
    ]


@pytest.mark.parametrize(
    ("key", "rows", "config", "winner"),
    [
        # One row over is a class token's; a length two rows short comes close, and would win without that half.
        ("vision_text.pos_embed", 17, {"text_config": {USUAL: 15}, "model_config": PIXELS}, "model_config.image_size"),
        (CORE, 18, {USUAL: 16} | PIXELS, USUAL),  # two rows over are not
    ],
)
def test_at_most_a_class_token_is_few_rows(key, rows, config, winner):
    (rule,) = found_as(config, key, (rows, 8)).fields
    assert rule.name == winner


def test_text_and_images_of_one_size_keep_their_fields():
    config = {"text_config": {USUAL: 256}, "vision_config": {"image_size": 256, "patch_size": 16}}
    for key, name in ((TEXT, "text_config." + USUAL), (VISION, "vision_config.image_size")):
        (rule,) = found_as(config, key, (256, 8)).fields
        assert rule.name == name


@pytest.mark.parametrize(
    ("key", "field", "score"),
    [
        ("text_model.pos", "text_config", 2),
        ("core.pos", "text_config", -1),
        ("vision_model.pos", "text_config", -4),
        ("text_model.pos", "vision_config", -4),
        ("text_model.pos", "text_vision_config", -2),  # +2 and −1 − 3
        ("text_model.encoder.pos", "text_encoder_config", 4),
        ("core.pos", "text_encoder_config", -2),
        ("core.pos", "model_config", 0),  # any part may be called so
        ("decoder.pos", "vision_config", -1),  # a vision model may have a decoder
        ("Text.pos", "TEXT_config", 2),
    ],
)
def test_words_of_parts(key, field, score):
    assert affinity(key, nodes({field: {"a": 1}})[1]) == score


def test_outer_parts_come_first_but_weigh_less_than_a_word():
    fields = {USUAL: 16}
    same = {"first_config": fields, "other_config": fields}
    assert found_as(same, CORE, (16, 8)).fields[0].name == "first_config." + USUAL
    many = {f"part{n}_config": {"a": 1} for n in range(40)}
    assert (
        found_as(many | text(**fields) | {"a_config": fields}, TEXT, (16, 8)).fields[0].name.startswith("text_config")
    )
    named = {"a_config": fields} | many | text(**fields)
    assert found_as(named, TEXT, (16, 8)).fields[0].name == "text_config." + USUAL


@pytest.mark.parametrize(("depth", "read"), [(8, True), (9, False)])
def test_parts_are_read_eight_deep(depth, read):
    config = {USUAL: 16}
    for _ in range(depth):
        config = {"inner_config": config}
    assert bool(found_as(config, CORE, (16, 8)).fields) is read


@pytest.mark.parametrize(("extra", "grid"), [(16, True), (17, False)])
def test_sixteen_rows_may_be_left_over(extra, grid):
    table = found_as(PIXELS, VISION, (1, 16 + extra, 8))
    assert bool(table.fields) is grid


@pytest.mark.parametrize(("side", "kernel"), [(3, True), (5, True), (7, True), (9, False), (8, False), (6, False)])
def test_small_odd_squares_are_kernels(side, kernel):
    assert is_kernel((8, 1, side, side)) is kernel


@pytest.mark.parametrize("shape", [(8, 1, 3), (1, 1, 3, 3), (8, 2, 3, 3), (8, 1, 3, 5), (8, 1, 3, 3, 3)])
def test_what_is_no_kernel(shape):
    assert not is_kernel(shape)


def test_two_channels_are_enough_for_a_kernel():
    assert is_kernel((2, 1, 3, 3))
