"""Arguments that follow from the others."""

from inspect import Parameter, Signature
from types import SimpleNamespace

import torch

from posembed.extension.check.besides import besides

PIXELS = torch.zeros(1, 3, 8, 12)


def made(names, given, signal=None, grid=None, **fields):
    """What is added for a signature; ``name=`` stands for an argument with a default."""

    def forward(**_):
        pass

    forward.__signature__ = Signature(
        Parameter(name.rstrip("="), Parameter.KEYWORD_ONLY, default=None if "=" in name else Parameter.empty)
        for name in names.split()
    )
    model = SimpleNamespace(forward=forward, config=SimpleNamespace(**fields))
    found = besides(model, given, signal, grid)
    return {name: list(value.shape) if isinstance(value, torch.Tensor) else value for name, value in found.items()}


def test_masks_that_are_required():
    given = {"pixel_values": PIXELS}
    assert made("pixel_values attention_mask=", given, "pixel_values") == {}
    assert made("pixel_values patch_attention_mask", given, "pixel_values", patch_size=4) == {
        "patch_attention_mask": [1, 2, 3]
    }
    patches = {"pixel_values": torch.zeros(1, 6, 48)}
    assert made("pixel_values pixel_attention_mask", patches, "pixel_values", (2, 3)) == {
        "pixel_attention_mask": [1, 6]
    }
    assert made("input_ids attention_mask", {"input_ids": torch.zeros(1, 5)}) == {"attention_mask": [1, 5]}


def test_masks_of_sound_are_passed_though_they_have_a_default():
    lying, upright = torch.zeros(1, 80, 30), torch.zeros(1, 30, 80)
    for sound in (lying, upright):
        found = made("input_features input_features_mask=", {"input_features": sound}, "input_features")
        assert found == {"input_features_mask": [1, 30]}


def test_sizes_prompts_and_codebooks():
    tiles = {"pixel_values": torch.zeros(1, 2, 3, 8, 12)}
    assert made("pixel_values image_sizes=", tiles, "pixel_values") == {"image_sizes": [1, 2]}
    assert made("pixel_values image_sizes=", {"pixel_values": PIXELS}, "pixel_values") == {}
    assert made("pixel_values prompt_masks", {"pixel_values": PIXELS}, "pixel_values") == {
        "prompt_masks": [1, 3, 8, 12]
    }
    ids = {"input_ids": torch.zeros(1, 5)}
    assert made("codebook_idx input_ids", ids, n_codes_total=8) == {"input_ids": [1, 5, 8], "codebook_idx": 7}


def test_what_nobody_knows_is_left_out():
    assert made("pixel_values inference_session", {"pixel_values": PIXELS}, "pixel_values") == {}
