"""The same output and the same gradients as the real `transformers` models, at every real token."""

import pytest
import torch

from posembed.errors import PositionOutOfRangeError
from posembed.nn import positions_from_mask
from tests.fixtures.caches import cache_arguments

USABLE, VOCAB = 16, 40
LENGTHS = torch.tensor([[16], [5], [1], [11]])
RIGHT = (torch.arange(USABLE) < LENGTHS).long()
LEFT = RIGHT.flip(1)


def types_of(pair, shape):
    return {"token_type_ids": torch.randint(0, 3, shape)} if pair.embed.segment is not None else {}


def assert_same(pair, got, expected, real):
    """Outputs within 1e-6; gradients within 1e-6 of the largest, from a loss over real tokens alone."""
    assert got.shape == expected.shape
    assert (got - expected)[real].abs().max() <= 1e-6
    cotangent = torch.randn(got.shape) * real[..., None]
    ours = torch.autograd.grad(got, [p for _, p, _ in pair.parameters], cotangent, retain_graph=True)
    theirs = torch.autograd.grad(expected, [p for _, _, p in pair.parameters], cotangent, retain_graph=True)
    assert len(ours) == len(list(pair.embed.parameters()))
    for (name, _, _), our, their in zip(pair.parameters, ours, theirs, strict=True):
        assert their.any(), name
        assert (our - their).abs().max() <= 1e-6 * max(1, their.abs().max()), name


@pytest.mark.parametrize("mask", [RIGHT, LEFT], ids=["right padding", "left padding"])
@pytest.mark.parametrize("with_types", [False, True], ids=["no types", "types"])
def test_padding(pair, mask, with_types):
    ids = pair.tokens(mask)
    types = types_of(pair, ids.shape) if with_types else {}
    positions = positions_from_mask(mask)
    expected = pair.at(ids, positions, attention_mask=mask, **types)
    got = pair.embed(ids, attention_mask=mask, **types)
    assert_same(pair, got, expected, mask == 1)
    assert_same(pair, pair.embed(ids, position_ids=positions, **types), expected, mask == 1)


@pytest.mark.parametrize("seq", [1, 7, USABLE])
def test_length_one_to_the_full_usable_length(pair, seq):
    ids = torch.randint(4, VOCAB, (3, seq))
    real = torch.ones(3, seq, dtype=torch.bool)
    expected = pair.at(ids, torch.arange(seq))
    assert_same(pair, pair.embed(ids), expected, real)
    own_default, _ = pair.hidden(ids)
    assert_same(pair, pair.embed(ids), own_default, real)


def test_one_token_more_fails_in_both(pair):
    ids = torch.randint(4, VOCAB, (1, USABLE + 1))
    with pytest.raises((IndexError, RuntimeError)):
        pair.hidden(ids)
    with pytest.raises(PositionOutOfRangeError, match="position 16 has no row"):
        pair.embed(ids)


def test_packed_input(pair):
    lengths = [6, 1, 16, 0, 3]
    positions = torch.cat([torch.arange(n) for n in lengths])
    cu_seqlens = torch.tensor([0, *lengths]).cumsum(0)
    ids = torch.randint(4, VOCAB, (1, sum(lengths)))
    expected = pair.at(ids, positions)
    got = pair.embed(ids, cu_seqlens=cu_seqlens, max_seqlen=16)
    assert_same(pair, got, expected, torch.ones(ids.shape, dtype=torch.bool))


@pytest.mark.parametrize("mask", [None, LEFT], ids=["no padding", "left padding"])
def test_decoding_with_a_cache(pair, mask):
    """A prefill and single steps; GPT-2 and OPT with their real cache, the encoders by positions."""
    batch = 4
    ids = torch.randint(4, VOCAB, (batch, USABLE)) if mask is None else pair.tokens(mask)
    positions = (torch.ones_like(ids) if mask is None else mask).cumsum(1) - 1
    positions = positions.clamp(min=0)
    has_cache = pair.name in ("gpt2", "opt")
    got, expected, cache = [], [], None
    for start, end in [(0, 9), *((i, i + 1) for i in range(9, USABLE))]:
        chunk = ids[:, start:end]
        options = {} if mask is None else {"attention_mask": mask[:, :end]}
        if has_cache:
            hidden, cache = pair.hidden(
                chunk,
                position_ids=positions[:, start:end],
                use_cache=True,
                **cache_arguments(pair.inner, cache),
                **options,
            )
            assert cache.get_seq_length() == end
        else:
            hidden = pair.at(chunk, positions[:, start:end])
        expected.append(hidden)
        got.append(pair.embed(chunk, start=start, **options))
    real = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask == 1
    assert_same(pair, torch.cat(got, 1), torch.cat(expected, 1), real)


@pytest.mark.parametrize("name", ["bert", "roberta", "distilbert"])
@pytest.mark.parametrize("dtype", [torch.int64, torch.float16])
def test_an_old_buffer_beside_the_weights_changes_nothing(make_pair, name, dtype):
    pair = make_pair(name, old_buffer=dtype)
    ids = torch.randint(4, VOCAB, (2, USABLE))
    assert_same(pair, pair.embed(ids), pair.hidden(ids)[0], torch.ones(2, USABLE, dtype=torch.bool))
