"""Which rows are a fixed sinusoid's: by family, by configuration, by values."""

import ml_dtypes
import numpy as np
import pytest

from posembed.find.config import nodes
from posembed.find.sinusoids import looks_sinusoidal, why_fixed


def sinusoid(n, d, interleaved=False, base=10000.0):
    angles = np.arange(n)[:, None] / base ** (np.arange(d // 2) * 2 / d)
    both = (np.sin(angles), np.cos(angles))
    return (np.stack(both, 2).reshape(n, d) if interleaved else np.concatenate(both, 1)).astype(np.float32)


def test_what_looks_sinusoidal():
    for d in (8, 64, 768):
        assert looks_sinusoidal(sinusoid(40, d))
        assert looks_sinusoidal(3 * sinusoid(40, d))
        noise = 0.02 * np.random.default_rng(d).normal(size=(40, d))
        assert not looks_sinusoidal(noise)
        assert not looks_sinusoidal(np.tile(noise[:1], (40, 1)))
        assert not looks_sinusoidal(noise / np.linalg.norm(noise, axis=1, keepdims=True))
    assert not looks_sinusoidal(np.zeros((40, 8)))
    assert not looks_sinusoidal(np.full((40, 8), np.nan))
    assert not looks_sinusoidal(np.ones((3, 8)))
    assert not looks_sinusoidal(np.zeros((40, 0)))
    assert not looks_sinusoidal(np.tile([1.0, 0.0], (40, 4)))  # a sinusoid's norm, but every row is the same


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("d", [16, 64, 256])
def test_rounding_to_half_precision_is_tolerated(d, dtype):
    assert looks_sinusoidal(sinusoid(64, d).astype(dtype))


@pytest.mark.parametrize(("spread", "expected"), [(0.0, True), (0.0035, True), (0.0045, False), (0.01, False)])
def test_norms_may_differ_by_no_more_than_rounding_makes_them(spread, expected):
    rows = sinusoid(40, 64).astype(np.float64)
    rows[7] *= 1 - spread  # the others keep the mean norm within a ten-thousandth
    assert looks_sinusoidal(rows) is expected


@pytest.mark.parametrize(("error", "expected"), [(0.01, True), (0.04, True), (0.06, False), (0.2, False)])
def test_the_norm_follows_from_the_largest_value(error, expected):
    """Rows that all have one small angle: their largest value is 1 / (1 + error) where a sinusoid's is 1."""
    angle = np.arccos(1 / (1 + error))
    signs = np.where(np.random.default_rng(0).random((16, 8)) < 0.5, -1, 1)
    rows = signs * np.repeat([[np.cos(angle), np.sin(angle)]], 4, axis=0).reshape(1, 8)
    assert looks_sinusoidal(rows) is expected


def test_a_norm_that_is_too_small_is_no_sinusoids_either():
    rows = np.zeros((8, 8))
    rows[np.arange(8), np.arange(8)] = 1.0  # each row one unit vector: norm 1, peak 1, and √(8 / 2) = 2
    assert not looks_sinusoidal(rows)


@pytest.mark.parametrize(("rows", "expected"), [(3, False), (4, True)])
def test_fewer_than_four_rows_say_nothing(rows, expected):
    assert looks_sinusoidal(sinusoid(rows, 64)) is expected


def test_zero_rows_are_left_out():
    rows = sinusoid(8, 64)
    assert looks_sinusoidal(np.concatenate((np.zeros((3, 64)), rows)))
    assert not looks_sinusoidal(np.concatenate((np.zeros((8, 64)), rows[:3])))


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_values_that_are_not_finite_are_no_sinusoid(value):
    rows = sinusoid(40, 64)
    rows[3, 3] = value
    assert not looks_sinusoidal(rows)


# --- families and configurations --------------------------------------------------------------------------------------

LEARNED = np.random.default_rng(0).normal(size=(16, 8))


@pytest.mark.parametrize(
    ("family", "key", "rows", "fixed"),
    [
        ("marian", "model.encoder.embed_positions.weight", None, True),
        ("marian", "model.encoder.embed_positions.weight", LEARNED, True),  # the family says it, whatever the values
        ("whisper", "model.encoder.embed_positions.weight", None, True),
        ("whisper", "model.decoder.embed_positions.weight", LEARNED, False),
        ("bart", "model.encoder.embed_positions.weight", None, False),
        ("bart", "model.encoder.embed_positions.weight", sinusoid(16, 8), True),
        ("qwen2_audio", "embed_positions.weight", None, True),
        ("qwen2_audio", "embed_positions.weight", LEARNED, False),  # this family trains some: values decide
        ("qwen2_audio", "embed_positions.weight", sinusoid(16, 8), True),
        ("outer", "audio_tower.embed_positions.weight", None, True),
        ("outer", "audio_tower.embed_positions.weight", LEARNED, False),
        ("outer", "audio_encoder.model.embed_positions.weight", sinusoid(16, 8), True),
        ("roformer", "encoder.embed_positions.weight", LEARNED, True),
        ("fsmt", "model.encoder.embed_positions.weight", LEARNED, True),
        ("vit_mae", "embeddings.position_embeddings", LEARNED, True),
    ],
)
def test_families(family, key, rows, fixed):
    tree = nodes({"model_type": family})
    assert (why_fixed(key, family, tree, rows) is not None) is fixed


def test_the_outermost_type_counts_too_and_no_other():
    key = "encoder.embed_positions.weight"
    tree = nodes({"model_type": "marian", "encoder_config": {"model_type": "part"}})
    assert why_fixed(key, "part", tree, None) == "a frozen sinusoid"
    tree = nodes({"model_type": "outer", "text_config": {"model_type": "marian"}})
    assert why_fixed(key, "outer", tree, None) is None


@pytest.mark.parametrize(("value", "fixed"), [(True, True), (False, False), (None, False)])
def test_a_switch_in_the_configuration(value, fixed):
    tree = nodes({"model_type": "distilbert", "sinusoidal_pos_embds": value})
    reason = why_fixed("embeddings.position_embeddings.weight", "distilbert", tree, None)
    assert (reason is not None) is fixed
    if fixed:
        assert reason == "a fixed sinusoid: the configuration says sinusoidal_pos_embds = True"


@pytest.mark.parametrize(
    ("family", "field", "value", "other"),
    [
        ("xlm", "sinusoidal_embeddings", True, False),
        ("flaubert", "sinusoidal_embeddings", True, False),
        ("patchtst", "positional_encoding_type", "sincos", "random"),
        ("patchtsmixer", "positional_encoding_type", "sincos", "random"),
    ],
)
def test_switches_of_other_families(family, field, value, other):
    for setting, fixed in ((value, True), (other, False)):
        tree = nodes({"model_type": family, field: setting})
        assert (why_fixed("position_embeddings.weight", family, tree, None) is not None) is fixed


def test_the_switch_of_a_part_that_does_not_govern_the_table_is_not_asked():
    part = {"model_type": "distilbert", "sinusoidal_pos_embds": True}
    tree = nodes({"model_type": "outer", "text_config": part})
    assert why_fixed("text.position_embeddings.weight", "outer", tree, None) is None
    assert "text_config.sinusoidal_pos_embds" in why_fixed("text.position_embeddings.weight", "distilbert", tree, None)
