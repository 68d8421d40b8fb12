import pytest
import torch
from torch import nn

from posembed.errors import ArgumentTypeError, InvalidArgumentError, PositionOutOfRangeError
from posembed.nn import LearnedPositionalEmbedding, SinusoidalPositionalEmbedding, TokenPositionEmbedding

IDS = torch.zeros(2, 3, dtype=torch.long)
ONE = torch.zeros(1, 3, dtype=torch.long)
MASK = torch.ones(2, 3)
POSITIONS = torch.arange(3)
CU = torch.tensor([0, 2, 3])
EMBEDS = torch.zeros(2, 3, 4)


def build(**arguments) -> TokenPositionEmbedding:
    return TokenPositionEmbedding(**({"vocab_size": 10, "max_len": 8, "d_model": 4} | arguments))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "exactly one of input_ids and inputs_embeds must be given, neither was"),
        ({"input_ids": IDS, "inputs_embeds": EMBEDS}, "exactly one of .* both were"),
        ({"input_ids": IDS, "position_ids": POSITIONS, "attention_mask": MASK}, "position_ids and attention_mask both"),
        ({"input_ids": ONE, "position_ids": POSITIONS, "cu_seqlens": CU}, "position_ids and cu_seqlens both determine"),
        (
            {"input_ids": ONE, "attention_mask": MASK[:1], "cu_seqlens": CU},
            "attention_mask and cu_seqlens both determine",
        ),
        (
            {"input_ids": ONE, "position_ids": POSITIONS, "attention_mask": MASK[:1], "cu_seqlens": CU},
            "position_ids and attention_mask and cu_seqlens both determine .*_from_mask and positions_from_lengths",
        ),
        ({"input_ids": IDS, "position_ids": POSITIONS, "start": 2}, "start=2 and position_ids both determine"),
        ({"input_ids": ONE, "cu_seqlens": CU, "start": 2}, "start=2 and cu_seqlens both determine"),
        ({"input_ids": IDS, "max_seqlen": 3}, "max_seqlen=3 goes with cu_seqlens, which was not given"),
        ({"input_ids": IDS, "start": -1}, "start=-1 must be at least 0"),
        ({"input_ids": IDS, "token_type_ids": IDS}, "type_vocab_size is 0: there is no segment table"),
        ({"input_ids": IDS, "cu_seqlens": CU}, r"packed input must be \[total\] or \[1, total\], got \[2, 3\]"),
        ({"input_ids": ONE, "cu_seqlens": CU - 1}, "must begin with 0"),
        ({"input_ids": ONE, "cu_seqlens": torch.tensor([0, 2])}, "ends at 2, but there are 3 packed tokens"),
        ({"input_ids": ONE, "cu_seqlens": CU, "max_seqlen": 1}, "max_seqlen=1 is below the longest sequence .* 2"),
        ({"input_ids": IDS[None]}, r"the input has shape \[1, 2, 3\]; it must be \[batch, seq\] or \[seq\]"),
        ({"input_ids": torch.tensor(3)}, r"the input has shape \[\]"),
        ({"inputs_embeds": torch.zeros(2, 3, 5)}, r"shape \[2, 3, 5\]; it must end with d_model=4"),
        ({"inputs_embeds": torch.zeros(4)}, r"inputs_embeds has shape \[4\]"),
        ({"inputs_embeds": torch.zeros(1, 1, 2, 4)}, r"the input has shape \[1, 1, 2\]"),
        ({"input_ids": IDS[0], "attention_mask": MASK[:1]}, r"attention_mask has shape \[1, 3\]; it must be \[batch"),
    ],
)
def test_what_contradicts_itself(arguments, message):
    with pytest.raises(InvalidArgumentError, match=message):
        build()(**arguments)


# Each of these would broadcast against [2, 3], or be cut off by a slice, without an error from PyTorch.
@pytest.mark.parametrize("shape", [(2, 1), (1, 1), (1,), (3, 1), (2, 2, 3), (2,), (2, 4), ()])
@pytest.mark.parametrize("name", ["position_ids", "token_type_ids"])
def test_ids_are_never_broadcast_along_the_sequence(name, shape):
    embed = build(type_vocab_size=2)
    with pytest.raises(InvalidArgumentError, match=rf"{name} has shape \[.*\], the input \[2, 3\]; allowed are"):
        embed(IDS, **{name: torch.zeros(shape, dtype=torch.long)})


@pytest.mark.parametrize("name", ["position_ids", "token_type_ids"])
def test_ids_of_a_single_sequence_have_its_shape(name):
    with pytest.raises(InvalidArgumentError, match=rf"{name} has shape \[1, 3\], the input \[3\]"):
        build(type_vocab_size=2)(IDS[0], **{name: IDS[:1]})


@pytest.mark.parametrize(("shape", "start"), [((1, 3), 0), ((2, 1), 0), ((2, 4), 0), ((2, 4), 2), ((2, 6), 2)])
def test_masks_are_never_broadcast(shape, start):
    allowed = r"\[2, 3\]" + (r" or \[batch, start \+ seq\] = \[2, 5\]" if start else "$")
    with pytest.raises(InvalidArgumentError, match=rf"attention_mask has shape \[.*\]; it must be .*{allowed}"):
        build()(IDS, attention_mask=torch.ones(shape), start=start)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_ids": IDS.float()}, r"input_ids has dtype torch.float32; .* \.long\(\)"),
        ({"input_ids": [[1, 2]]}, "input_ids must be an integer tensor, got list"),
        ({"input_ids": IDS, "position_ids": POSITIONS.float()}, "position_ids has dtype torch.float32"),
        ({"input_ids": IDS, "position_ids": [0, 1, 2]}, "position_ids must be an integer tensor, got list"),
        ({"input_ids": IDS, "token_type_ids": IDS.bool()}, "token_type_ids has dtype torch.bool"),
        ({"input_ids": IDS, "attention_mask": [[1, 1, 1]]}, "attention_mask must be a tensor, got list"),
        ({"input_ids": ONE, "cu_seqlens": CU.float()}, "cu_seqlens has dtype torch.float32"),
        ({"input_ids": ONE, "cu_seqlens": CU, "max_seqlen": torch.tensor(2)}, "max_seqlen must be a Python int"),
        ({"input_ids": IDS, "start": torch.tensor(2)}, "start must be a Python int, got Tensor: reading"),
        ({"input_ids": IDS, "start": 1.0}, "start must be a Python int, got float"),
        ({"inputs_embeds": EMBEDS.long()}, "inputs_embeds has dtype torch.int64; it must be floating-point"),
    ],
)
def test_wrong_types(arguments, message):
    with pytest.raises(ArgumentTypeError, match=message):
        build(type_vocab_size=2)(**arguments)


def test_token_types_outside_their_table():
    with pytest.raises(PositionOutOfRangeError, match="token_type_ids contains 2, but allowed are 0 to 1: the segment"):
        build(type_vocab_size=2)(IDS, token_type_ids=IDS + 2)


OTHERS = {
    "sinusoidal": "position='sinusoidal'",
    "none": "position='none'",
    SinusoidalPositionalEmbedding(8, 4): "a SinusoidalPositionalEmbedding",
}


@pytest.mark.parametrize("position", OTHERS, ids=str)
@pytest.mark.parametrize("extra", [{"reserved": 2}, {"position_padding_idx": 0}, {"position_init_std": 0.1}])
def test_what_belongs_to_a_learned_table(position, extra):
    with pytest.raises(InvalidArgumentError, match=rf"belong to position='learned', not to {OTHERS[position]}"):
        build(position=position, **extra)


@pytest.mark.parametrize("position", ["learned", "none"])
@pytest.mark.parametrize("extra", [{"variant": "half"}, {"base": 500.0}])
def test_what_belongs_to_sinusoids(position, extra):
    with pytest.raises(InvalidArgumentError, match="belong to position='sinusoidal'"):
        build(position=position, **extra)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"vocab_size": 0}, InvalidArgumentError, "vocab_size=0 must be at least 1"),
        ({"max_len": 0}, InvalidArgumentError, "max_len=0 must be at least 1"),
        ({"d_model": 4.0}, ArgumentTypeError, "d_model must be a Python int, got float"),
        ({"type_vocab_size": -1}, InvalidArgumentError, "type_vocab_size=-1"),
        ({"padding_idx": -1}, InvalidArgumentError, "padding_idx=-1 must be at least 0"),
        ({"padding_idx": 10}, InvalidArgumentError, "padding_idx=10 is a row of the token table, which has 10 rows"),
        ({"position_padding_idx": 9}, InvalidArgumentError, "padding_idx=9 .* position table, which has 8 rows"),
        ({"dropout": 1.0}, InvalidArgumentError, "dropout=1.0 must be at least 0 and below 1"),
        ({"dropout": -0.1}, InvalidArgumentError, "dropout=-0.1"),
        ({"layer_norm_eps": 0.0}, InvalidArgumentError, "layer_norm_eps=0.0 must be above 0, or None"),
        ({"position": "rotary"}, InvalidArgumentError, "position='rotary' must be 'learned', 'sinusoidal', 'none' or"),
        ({"position": None}, InvalidArgumentError, "position=None must be"),
        ({"init": "uniform"}, InvalidArgumentError, "init='uniform' must be 'normal' or"),
        ({"init": "uniform", "position": "none"}, InvalidArgumentError, "init='uniform'"),
        ({"init_std": -1.0, "position": "none"}, InvalidArgumentError, "init_std=-1.0 must not be negative"),
        ({"position_init_std": -1.0}, InvalidArgumentError, "init_std=-1.0 must not be negative"),
        ({"position": "sinusoidal", "variant": "x"}, InvalidArgumentError, "variant='x' must be one of interleaved"),
        ({"dtype": torch.int64}, InvalidArgumentError, "dtype=torch.int64 must be a floating-point type"),
        ({"dtype": torch.int64, "position": "none"}, InvalidArgumentError, "dtype=torch.int64 must be a floating"),
    ],
)
def test_what_cannot_be_built(arguments, error, message):
    with pytest.raises(error, match=message):
        build(**arguments)


class Short(nn.Module):
    """Slices past the end, as hand-written position tables do."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, 4))

    def forward(self, positions, start=0):
        if isinstance(positions, int):
            return self.weight[start : start + positions]
        return self.weight[positions.clamp(max=0)].squeeze(0)


def test_a_short_slice_is_not_broadcast():
    embed = build(position=Short())
    with pytest.raises(
        InvalidArgumentError, match=r"position module Short returned shape \[1, 4\] instead of \[3, 4\]"
    ):
        embed(IDS)
    with pytest.raises(InvalidArgumentError, match=r"Short returned shape \[3, 4\] instead of \[1, 3, 4\]"):
        embed(ONE, position_ids=ONE)
    with pytest.raises(InvalidArgumentError, match="Short returned shape"):
        embed(ONE, attention_mask=MASK[:1])
    with pytest.raises(
        InvalidArgumentError, match=r"LearnedPositionalEmbedding returned shape \[3, 6\] instead of \[3, 4\]"
    ):
        build(position=LearnedPositionalEmbedding(8, 6))(IDS)
    with pytest.raises(InvalidArgumentError, match=r"returned shape \[3, 1\] instead of \[3, 4\]"):
        build(position=LearnedPositionalEmbedding(8, 1))(IDS)


def test_a_module_with_a_usable_length_is_checked_against_it():
    class Limited(Short):
        usable_length = 2

    with pytest.raises(PositionOutOfRangeError, match="position 2 has no row: the table has 2 rows, 0 of them"):
        build(position=Limited())(IDS)
