"""Buffers of a table's length go on as they are, in their dtype; what has no pattern is refused with file and key."""

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from posembed import extend_checkpoint, plan_extension
from posembed.errors import CheckpointError

POSITION = "embeddings.position_embeddings.weight"
BERT = {"model_type": "bert", "max_position_embeddings": 16}


def causal(length, window=None, dtype=np.bool_):
    mask = np.tril(np.ones((length, length)))
    if window is not None:
        mask -= np.tril(mask, -window)
    return mask.astype(dtype)[None, None]


GROWN = [
    ("embeddings.position_ids", np.arange(16)[None], np.arange(24)[None]),
    ("embeddings.position_ids", np.arange(16), np.arange(24)),
    ("embeddings.position_ids", np.arange(16, dtype=np.int32)[None], np.arange(24, dtype=np.int32)[None]),
    ("embeddings.position_ids", np.arange(16, dtype=np.float16)[None], np.arange(24, dtype=np.float16)[None]),
    ("embeddings.position_ids", np.arange(2, 18)[None], np.arange(2, 26)[None]),
    ("embeddings.token_type_ids", np.zeros((1, 16), np.int64), np.zeros((1, 24), np.int64)),
    ("embeddings.token_type_ids", np.ones((1, 16), np.int64), np.ones((1, 24), np.int64)),
    ("layers.0.attn.bias", causal(16), causal(24)),
    ("layers.0.attn.attention.bias", causal(16, dtype=np.uint8), causal(24, dtype=np.uint8)),
    ("layers.0.attn.attention.bias", causal(16, window=4), causal(24, window=4)),
    ("layers.0.attn.bias", causal(16, dtype=np.float32), causal(24, dtype=np.float32)),
]


@pytest.mark.parametrize(("key", "before", "after"), GROWN, ids=[f"{k}-{b.dtype}-{b.ndim}" for k, b, _ in GROWN])
def test_buffers_go_on(write, tmp_path, key, before, after):
    source = write({POSITION: (16, 8), key: before}, config=BERT)
    plan = extend_checkpoint(source, tmp_path / "out", 24)
    assert [(c.key, c.table, c.shape, c.new_shape) for c in plan.buffers] == [
        (key, POSITION, before.shape, after.shape)
    ]
    found = load_file(tmp_path / "out" / "model.safetensors")[key]
    assert found.dtype == before.dtype
    assert np.array_equal(found, after)


def test_buffers_of_another_length_stay(write, tmp_path):
    others = {"embeddings.position_ids": np.arange(12)[None], "attn.bias": causal(9), "dense.bias": np.ones(16)}
    source = write({POSITION: (16, 8), **others}, config=BERT)
    assert extend_checkpoint(source, tmp_path / "out", 24).buffers == ()
    found = load_file(tmp_path / "out" / "model.safetensors")
    for key, values in others.items():
        assert np.array_equal(found[key], values)


def test_each_buffer_follows_the_table_beside_it(write):
    from posembed import plan_extension

    source = write(
        {
            "text_model.embeddings.position_embedding.weight": (17, 8),
            "text_model.embeddings.position_ids": np.arange(17)[None],
            "vision_model.embeddings.position_embedding.weight": (17, 8),
            "vision_model.embeddings.position_ids": np.arange(17)[None],
        },
        config={
            "model_type": "clip",
            "text_config": {"model_type": "clip_text_model", "max_position_embeddings": 17},
            "vision_config": {"model_type": "clip_vision_model", "image_size": 32, "patch_size": 8},
        },
    )
    (buffer,) = plan_extension(source, 24).buffers
    assert (buffer.key, buffer.new_shape) == ("text_model.embeddings.position_ids", (1, 24))
    (buffer,) = plan_extension(source, image_size=48).buffers
    assert (buffer.key, buffer.new_shape) == ("vision_model.embeddings.position_ids", (1, 37))


def test_roberta_counts_its_rows(write, tmp_path):
    source = write(
        {POSITION: (18, 8), "embeddings.position_ids": np.arange(18)[None]},
        config={"model_type": "roberta", "max_position_embeddings": 18, "pad_token_id": 1},
    )
    extend_checkpoint(source, tmp_path / "out", 24)
    found = load_file(tmp_path / "out" / "model.safetensors")["embeddings.position_ids"]
    assert np.array_equal(found, np.arange(26)[None])


def test_numbers_rounded_by_half_precision_are_repaired(write, tmp_path):
    """Positions above 2048 do not fit float16: such files hold even numbers there."""
    table = np.random.default_rng(0).normal(size=(2100, 2)).astype(np.float32)
    halves = np.arange(2100).astype(np.float16)[None]
    source = write(
        {POSITION: table, "embeddings.position_ids": halves}, config=BERT | {"max_position_embeddings": 2100}
    )
    with pytest.raises(
        CheckpointError, match=r"position_ids is stored as float16, which cannot hold every number below 3000"
    ):
        extend_checkpoint(source, tmp_path / "out", 3000)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("key", "values", "message"),
    [
        ("embeddings.position_ids", np.zeros((1, 16), np.int64), "should count 0, 1, 2, … and does not"),
        ("embeddings.position_ids", np.arange(16)[None, ::-1], "should count"),
        ("embeddings.position_ids", np.full((1, 16), np.nan, np.float32), "should count"),
        ("embeddings.position_ids", np.zeros((0, 16), np.int64), "position_ids"),
        ("embeddings.token_type_ids", np.arange(16)[None], "should hold one token type throughout"),
        ("embeddings.token_type_ids", np.zeros((0, 16), np.int64), "token_type_ids"),
        ("attn.bias", np.random.default_rng(0).normal(size=(16, 16)), "does not depend on the distance alone"),
        ("attn.bias", np.zeros((0, 1, 16, 16)), "attn.bias"),
    ],
)
def test_buffers_without_their_pattern(write, tmp_path, key, values, message):
    source = write({POSITION: (16, 8), key: values}, config=BERT)
    with pytest.raises(CheckpointError, match=message) as caught:
        extend_checkpoint(source, tmp_path / "out", 24)
    assert str(source / "model.safetensors") in str(caught.value)
    assert key in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("dtype", "length"), [(np.uint8, 300), (np.int8, 200), (ml_dtypes.bfloat16, 300)])
def test_numbers_that_the_dtype_cannot_hold(write, tmp_path, dtype, length):
    source = write({POSITION: (100, 4)}, config=BERT | {"max_position_embeddings": 100})
    arrays = load_file(source / "model.safetensors") | {"position_ids": np.arange(100).astype(dtype)[None]}
    save_file(arrays, source / "model.safetensors")
    with pytest.raises(
        CheckpointError, match=f"position_ids is stored as .*, which cannot hold every number below {length}"
    ):
        extend_checkpoint(source, tmp_path / "out", length)


def test_a_quantised_copy_gets_the_new_rows_place(write, tmp_path):
    source = write(
        {POSITION: (18, 8), "embeddings.position_embeddings.weight_integer": np.ones((18, 8), np.float32)},
        config={"model_type": "ibert", "max_position_embeddings": 18, "pad_token_id": 1},
    )
    extend_checkpoint(source, tmp_path / "out", 24)
    found = load_file(tmp_path / "out" / "model.safetensors")["embeddings.position_embeddings.weight_integer"]
    assert found.shape == (26, 8)


def test_what_a_buffer_means_is_read_by_its_old_name(write):
    plan = plan_extension(write({POSITION: (16, 8), "embeddings.position_ids": np.arange(16)[None]}, config=BERT), 24)
    with pytest.warns(DeprecationWarning, match=r"DependentBuffer\.what is now DependentBuffer\.rule\.what"):
        assert plan.buffers[0].what == plan.buffers[0].rule.what == "position numbers"
