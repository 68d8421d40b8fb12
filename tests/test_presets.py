import pytest
import torch

import posembed
from posembed.errors import InvalidArgumentError
from posembed.nn import LearnedPositionalEmbedding, TokenPositionEmbedding
from posembed.presets import PRESETS, preset

# Copied by hand from the papers and configurations, so that the data are held by something outside themselves:
# key, rows, width, parameters, reserved, usable length, initial standard deviation.
PUBLISHED = [
    ("bert-base", 512, 768, 393_216, 0, 512, 0.02),
    ("bert-large", 512, 1024, 524_288, 0, 512, 0.02),
    ("distilbert-base", 512, 768, 393_216, 0, 512, 0.02),
    ("electra-small", 512, 128, 65_536, 0, 512, 0.02),
    ("roberta-base", 514, 768, 394_752, 2, 512, 0.02),
    ("roberta-large", 514, 1024, 526_336, 2, 512, 0.02),
    ("xlm-roberta-base", 514, 768, 394_752, 2, 512, 0.02),
    ("xlm-roberta-large", 514, 1024, 526_336, 2, 512, 0.02),
    ("mpnet-base", 514, 768, 394_752, 2, 512, 0.02),
    ("openai-gpt", 512, 768, 393_216, 0, 512, 0.02),
    ("gpt2", 1024, 768, 786_432, 0, 1024, 0.01),
    ("gpt2-medium", 1024, 1024, 1_048_576, 0, 1024, 0.01),
    ("gpt2-large", 1024, 1280, 1_310_720, 0, 1024, 0.01),
    ("gpt2-xl", 1024, 1600, 1_638_400, 0, 1024, 0.01),
    ("gpt3-175b", 2048, 12288, 25_165_824, 0, 2048, None),
    ("opt-125m", 2050, 768, 1_574_400, 2, 2048, 0.02),
    ("opt-350m", 2050, 1024, 2_099_200, 2, 2048, 0.02),
    ("opt-1.3b", 2050, 2048, 4_198_400, 2, 2048, 0.02),
    ("opt-6.7b", 2050, 4096, 8_396_800, 2, 2048, 0.02),
    ("opt-175b", 2050, 12288, 25_190_400, 2, 2048, 0.02),
    ("bart-large-encoder", 1026, 1024, 1_050_624, 2, 1024, 0.02),
    ("bart-large-decoder", 1026, 1024, 1_050_624, 2, 1024, 0.02),
    ("bigbird-base", 4096, 768, 3_145_728, 0, 4096, 0.02),
    ("vit-b-16", 197, 768, 151_296, 0, 197, 0.02),
    ("vit-l-16", 197, 1024, 201_728, 0, 197, 0.02),
    ("dinov2-b-14", 1370, 768, 1_052_160, 0, 1370, 0.02),
    ("clip-text-b", 77, 512, 39_424, 0, 77, 0.01),
    ("clip-text-l", 77, 768, 59_136, 0, 77, 0.01),
    ("clip-vision-b-32", 50, 768, 38_400, 0, 50, 768**-0.5),
    ("clip-vision-b-16", 197, 768, 151_296, 0, 197, 768**-0.5),
    ("clip-vision-l-14", 257, 1024, 263_168, 0, 257, 1024**-0.5),
]
IMAGES = {
    "vit-b-16": (14, 14),
    "vit-l-16": (14, 14),
    "dinov2-b-14": (37, 37),
    "clip-vision-b-32": (7, 7),
    "clip-vision-b-16": (14, 14),
    "clip-vision-l-14": (16, 16),
}
TRUNCATED = {"bert-base", "bert-large", "electra-small", "dinov2-b-14"}
PAD_ROW = {"roberta-base", "roberta-large", "xlm-roberta-base", "xlm-roberta-large", "mpnet-base"}


def test_every_key_is_there_and_no_other():
    assert list(PRESETS) == [row[0] for row in PUBLISHED]
    assert posembed.PRESETS is PRESETS


@pytest.mark.parametrize(("name", "rows", "width", "parameters", "reserved", "usable", "std"), PUBLISHED)
def test_as_published(name, rows, width, parameters, reserved, usable, std):
    p = preset(name)
    assert (p.name, p.rows, p.d_model, p.parameters) == (name, rows, width, parameters)
    assert (p.layout.rows, p.layout.reserved, p.layout.usable_length) == (rows, reserved, usable)
    assert p.init_std == std
    assert p.init == ("truncated_normal" if name in TRUNCATED else "normal")
    assert p.padding_idx == (1 if name in PAD_ROW else None)
    assert p.layout.grid == IMAGES.get(name)
    assert p.layout.prefix == (1 if name in IMAGES else 0)
    assert (p.text is None) == (name in IMAGES)
    assert p.source


@pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row[0])
def test_the_table_that_is_built(row):
    name, rows, width, parameters, reserved, usable, std = row
    pe = LearnedPositionalEmbedding.from_preset(name, device="meta")
    assert pe.weight.shape == (rows, width)
    assert (pe.weight.numel(), pe.reserved, pe.usable_length) == (parameters, reserved, usable)
    assert pe.init_std == (0.02 if std is None else std)
    assert pe(usable).shape == (usable, width)


@pytest.mark.parametrize("name", [name for name in PRESETS if name not in IMAGES])
def test_the_whole_layer_of_a_text_model(name):
    p = preset(name)
    embed = TokenPositionEmbedding.from_preset(name, device="meta")
    text = p.text
    assert embed.token.weight.shape == (text.vocab_size, p.d_model)
    assert embed.token.padding_idx == text.padding_idx
    assert embed.position.weight.shape == (p.rows, p.d_model)
    assert embed.position.padding_idx == p.padding_idx
    assert (embed.segment is None) == (text.type_vocab_size == 0)
    assert (embed.norm is None) == (text.layer_norm_eps is None)
    assert (embed.dropout is None) == (text.dropout == 0)
    ids = torch.zeros(1, p.layout.usable_length, dtype=torch.long, device="meta")
    assert embed(ids).shape == (1, p.layout.usable_length, p.d_model)


@pytest.mark.parametrize(
    ("name", "expected"),
    [  # vocabulary, segments, LayerNorm epsilon, dropout, token padding
        ("bert-base", (30522, 2, 1e-12, 0.1, 0)),
        ("distilbert-base", (30522, 0, 1e-12, 0.1, 0)),
        ("roberta-base", (50265, 1, 1e-5, 0.1, 1)),
        ("xlm-roberta-base", (250002, 1, 1e-5, 0.1, 1)),
        ("gpt2", (50257, 0, None, 0.1, None)),
        ("opt-125m", (50272, 0, None, 0.0, 1)),
    ],
)
def test_what_surrounds_the_table(name, expected):
    t = preset(name).text
    assert (t.vocab_size, t.type_vocab_size, t.layer_norm_eps, t.dropout, t.padding_idx) == expected


@pytest.mark.parametrize("name", ["bert", "", "BERT-base", None, 3, []])
def test_an_unknown_key_lists_the_known_ones(name):
    with pytest.raises(InvalidArgumentError, match=r"is unknown; choose one of bert-base, bert-large, .*clip-vision"):
        preset(name)


def test_an_image_table_has_no_tokens():
    with pytest.raises(InvalidArgumentError, match=r"'vit-b-16' is the table of an image model.*from_preset"):
        TokenPositionEmbedding.from_preset("vit-b-16")


def test_overrides_win():
    embed = TokenPositionEmbedding.from_preset("roberta-base", vocab_size=7, max_len=9, d_model=4, dropout=0.0)
    assert embed.token.weight.shape == (7, 4)
    assert (embed.position.rows, embed.position.reserved, embed.position.padding_idx) == (11, 2, 1)
    assert embed.dropout is None
    fixed = TokenPositionEmbedding.from_preset("roberta-base", vocab_size=7, d_model=4, position="sinusoidal")
    assert [name for name, _ in fixed.named_parameters()] == [
        "token.weight",
        "segment.weight",
        "norm.weight",
        "norm.bias",
    ]
    with pytest.raises(TypeError, match="unexpected keyword argument 'maxlen'"):
        TokenPositionEmbedding.from_preset("roberta-base", vocab_size=7, maxlen=9)


def test_a_preset_is_drawn_as_published():
    pe = LearnedPositionalEmbedding.from_preset("gpt2")
    assert pe.weight.std().item() == pytest.approx(0.01, rel=0.01)
    pe = LearnedPositionalEmbedding.from_preset("electra-small")
    assert pe.weight.abs().max().item() <= 0.04
    embed = TokenPositionEmbedding.from_preset("gpt2", vocab_size=2000)
    assert embed.token.weight.std().item() == pytest.approx(0.02, rel=0.01)
    assert embed.position.weight.std().item() == pytest.approx(0.01, rel=0.01)
