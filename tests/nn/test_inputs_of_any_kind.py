"""Every argument of every module with every kind of value: a right result, or one clear error that names it."""

import numpy as np
import pytest
import torch
from torch import nn

from posembed.errors import ArgumentTypeError, InvalidArgumentError, PosembedError
from posembed.extension.mask_positions import MaskedRows
from posembed.nn import (
    LearnedPositionalEmbedding,
    SinusoidalPositionalEmbedding,
    TokenPositionEmbedding,
    positions_from_lengths,
    positions_from_mask,
    sinusoidal_rows,
)
from posembed.nn.length_aware import LengthAwareEmbedding

WIDTH = 8
IDS = torch.arange(6).view(2, 3) % 4
# kind -> value; "right" ones are IDS in another form
RIGHT = {
    "int64": IDS,
    "int32": IDS.int(),
    "int8": IDS.to(torch.int8),
    "uint8": IDS.to(torch.uint8),
    "strided": torch.stack((IDS, IDS), -1)[..., 0],
    "transposed": IDS.t().contiguous().t(),
}
OTHERS = {
    "None": None,
    "True": True,
    "a float": 2.5,
    "text": "ab",
    "a list": [0, 1, 2],
    "an array": np.array([[0, 1, 2]]),
    "a NumPy number": np.int64(3),
    "bool": torch.ones(2, 3, dtype=torch.bool),
    "float32": torch.ones(2, 3),
    "complex": torch.ones(2, 3, dtype=torch.complex64),
    "uint16": torch.ones(2, 3, dtype=torch.uint16),
    "large uint8": torch.full((2, 3), 250, dtype=torch.uint8),
    "negative int8": torch.full((2, 3), -3, dtype=torch.int8),
    "large": torch.full((2, 3), 10**12),
    "least": torch.full((2, 3), torch.iinfo(torch.int64).min),
    "most": torch.full((2, 3), torch.iinfo(torch.int64).max),
    "no tokens": torch.zeros(2, 0, dtype=torch.long),
    "no rows": torch.zeros(0, 3, dtype=torch.long),
    "nothing": torch.zeros(0, 0, dtype=torch.long),
    "a number": torch.tensor(1),
    "one row": torch.arange(3),
    "rank 3": torch.zeros(2, 3, 1, dtype=torch.long),
    "rank 4": torch.zeros(2, 1, 3, 3),
    "additive": torch.tensor([[0.0, 0.0, float("-inf")]]).expand(2, 3),
    "NaN": torch.full((2, 3), float("nan")),
    "meta": torch.zeros(2, 3, dtype=torch.long, device="meta"),
    "sparse": torch.zeros(2, 3, dtype=torch.long).to_sparse(),
    "nested": torch.nested.nested_tensor([torch.arange(2), torch.arange(3)], layout=torch.jagged),
    "embeddings": torch.zeros(2, 3, WIDTH),
    "half embeddings": torch.zeros(2, 3, WIDTH, dtype=torch.float16),
}

TABLES, LIMITS = [torch.zeros(4, WIDTH), torch.ones(8, WIDTH)], [2, 6]


def layer():
    torch.manual_seed(3)
    return TokenPositionEmbedding(
        20, 6, WIDTH, type_vocab_size=4, layer_norm_eps=1e-5, reserved=2, position_padding_idx=1
    )


def aware(mask):
    module = LengthAwareEmbedding(TABLES, LIMITS, reserved=2)
    module.mask = mask
    return module(IDS + 2)


CALLS = {
    "positions of a table": lambda x: LearnedPositionalEmbedding(6, WIDTH, reserved=2)(x),
    "start of a table": lambda x: LearnedPositionalEmbedding(6, WIDTH)(2, x),
    "start beside positions": lambda x: LearnedPositionalEmbedding(6, WIDTH)(IDS, x),
    "padding_mask": lambda x: LearnedPositionalEmbedding(6, WIDTH, padding_idx=1)(IDS, padding_mask=x),
    "positions of a sinusoid": lambda x: SinusoidalPositionalEmbedding(6, WIDTH)(x),
    "start of a sinusoid": lambda x: SinusoidalPositionalEmbedding(6, WIDTH)(2, x),
    "input_ids": lambda x: layer()(x),
    "inputs_embeds": lambda x: layer()(inputs_embeds=x),
    "token_type_ids": lambda x: layer()(IDS, token_type_ids=x),
    "position_ids": lambda x: layer()(IDS, position_ids=x),
    "attention_mask": lambda x: layer()(IDS, attention_mask=x),
    "start": lambda x: layer()(IDS, start=x),
    "cu_seqlens": lambda x: layer()(IDS[0], cu_seqlens=x, max_seqlen=3 if x is not None else None),
    "max_seqlen": lambda x: layer()(IDS[0], cu_seqlens=torch.tensor([0, 3]), max_seqlen=x),
    "rows": lambda x: LengthAwareEmbedding(TABLES, LIMITS, reserved=2)(x),
    "mask of length-aware rows": aware,
    "mask that is counted": lambda x: MaskedRows(TABLES, LIMITS, reserved=2)(x),
    "counted positions": lambda x: MaskedRows(TABLES, LIMITS, reserved=2)(torch.ones(2, 3), position_ids=x),
    "positions_from_mask": positions_from_mask,
    "positions_from_lengths": positions_from_lengths,
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("call", CALLS)
# prototype notes of PyTorch's nested and sparse tensors
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_result_or_one_clear_error(call, kind):
    got, message = None, None
    try:
        got = CALLS[call](OTHERS[kind])
    except PosembedError as error:
        message = str(error)
    if message is None:
        assert got.is_meta or got.isfinite().all()
    else:
        assert 10 < len(message) < 400
        assert "\n" not in message


@pytest.mark.parametrize("kind", RIGHT)
@pytest.mark.parametrize(
    "call", ["positions of a table", "positions of a sinusoid", "input_ids", "token_type_ids", "position_ids", "rows"]
)
def test_every_form_of_the_same_ids_gives_the_same(call, kind):
    torch.manual_seed(4)
    expected = CALLS[call](IDS)
    torch.manual_seed(4)
    assert torch.equal(CALLS[call](RIGHT[kind]), expected)


@pytest.mark.parametrize(
    ("call", "value", "message"),
    [
        ("input_ids", "sparse", "input_ids is a torch.sparse_coo tensor; it must be dense: pad it, or pack it"),
        ("input_ids", "nested", "input_ids is a nested tensor; it must be dense"),
        ("attention_mask", "nested", "attention_mask is a nested tensor"),
        ("attention_mask", "complex", "attention_mask has dtype torch.complex64"),
        ("mask of length-aware rows", "a list", "attention_mask must be a tensor, got list"),
        ("padding_mask", "a list", "padding_mask must be a bool tensor, got list"),
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_error_names_argument_and_kind(call, value, message):
    with pytest.raises(ArgumentTypeError, match=message):
        CALLS[call](OTHERS[value])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([0, 1], 4), ArgumentTypeError, "positions must be a tensor of .* got list"),
        ((torch.ones(2, dtype=torch.complex64), 4), ArgumentTypeError, "got torch.complex64"),
        ((torch.ones(2, dtype=torch.bool), 4), ArgumentTypeError, "got torch.bool"),
        ((torch.arange(2), 0), InvalidArgumentError, "d_model=0 must be at least 1"),
        ((torch.arange(2), 4, "x"), InvalidArgumentError, "variant='x' must be one of interleaved, half, fairseq"),
        ((torch.arange(2), 4, "half", -1.0), InvalidArgumentError, "base=-1.0 must be above 0"),
    ],
)
def test_what_no_sinusoid_is_computed_from(arguments, error, message):
    names = ("variant", "base")
    with pytest.raises(error, match=message):
        sinusoidal_rows(*arguments[:2], **dict(zip(names, arguments[2:], strict=False)))


@pytest.mark.parametrize("options", [{"padding_idx": 1}, {"max_norm": 0.5}, {"scale_grad_by_freq": True}])
def test_a_segment_table_with_options_keeps_them(options):
    types, cotangent = torch.tensor([[0, 1, 1], [1, 0, 1]]), torch.randn(2, 3, WIDTH)
    embed = TokenPositionEmbedding(20, 6, WIDTH, type_vocab_size=2, init_std=1.0)
    weight = embed.segment.weight.detach().clone()
    embed.segment = nn.Embedding(2, WIDTH, **options)
    alone = nn.Embedding(2, WIDTH, **options)
    for table in (embed.segment, alone):
        table.weight.data.copy_(weight)
    got = embed(IDS, token_type_ids=types)
    expected = embed.token(IDS) + embed.position(3) + alone(types)
    torch.testing.assert_close(got, expected)
    got.backward(cotangent)
    alone(types).backward(cotangent)
    torch.testing.assert_close(embed.segment.weight.grad, alone.weight.grad)
