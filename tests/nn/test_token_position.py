import copy
import itertools
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from posembed.nn import (
    LearnedPositionalEmbedding,
    SinusoidalPositionalEmbedding,
    TokenPositionEmbedding,
    positions_from_mask,
)

VOCAB, USABLE, WIDTH = 30, 20, 6


def build(**arguments) -> TokenPositionEmbedding:
    torch.manual_seed(1)
    return TokenPositionEmbedding(VOCAB, USABLE, WIDTH, **({"init_std": 1.0} | arguments)).eval()


FORMS = {
    "plain": {},
    "reserved": {"reserved": 2},
    "padding row": {"reserved": 2, "position_padding_idx": 1, "padding_idx": 1},
    "padding row is a position": {"position_padding_idx": 3},
    "segment": {"type_vocab_size": 2},
    "bert": {"type_vocab_size": 2, "layer_norm_eps": 1e-12, "dropout": 0.1},
    "sinusoidal": {"position": "sinusoidal"},
    "none": {"position": "none", "type_vocab_size": 2},
}
forms = st.sampled_from(sorted(FORMS))
lengths = st.lists(st.integers(0, USABLE), min_size=1, max_size=4)


def sequences(lengths: list[int]) -> list[torch.Tensor]:
    return [torch.randint(0, VOCAB, (n,)) for n in lengths]


def pad(rows: list[torch.Tensor], left: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and mask, padded to the longest row."""
    width = max(len(row) for row in rows)
    ids, mask = torch.zeros(len(rows), width, dtype=torch.long), torch.zeros(len(rows), width, dtype=torch.long)
    for i, row in enumerate(rows):
        place = slice(width - len(row), width) if left else slice(0, len(row))
        ids[i, place], mask[i, place] = row, 1
    return ids, mask


@given(form=forms, lengths=lengths, two_dimensional=st.booleans(), with_maximum=st.booleans())
def test_packed_equals_separate(form, lengths, two_dimensional, with_maximum):
    embed, rows = build(**FORMS[form]), sequences(lengths)
    packed, cu_seqlens = torch.cat(rows), torch.tensor([0, *lengths]).cumsum(0).to(torch.int32)
    expected = torch.cat([embed(row) for row in rows])
    options = {"cu_seqlens": cu_seqlens} | ({"max_seqlen": max(lengths)} if with_maximum else {})
    got = embed(packed[None] if two_dimensional else packed, **options)
    assert got.shape == ((1, len(packed), WIDTH) if two_dimensional else (len(packed), WIDTH))
    assert torch.equal(got.view(-1, WIDTH), expected)


@given(form=forms, lengths=lengths, left=st.booleans(), dtype=st.sampled_from([torch.bool, torch.long, torch.float16]))
def test_padding_on_either_side_changes_no_real_token(form, lengths, left, dtype):
    embed, rows = build(**FORMS[form]), sequences(lengths)
    ids, mask = pad(rows, left)
    got = embed(ids, attention_mask=mask.to(dtype))
    for i, row in enumerate(rows):
        assert torch.equal(got[i, mask[i] == 1], embed(row))


@given(form=forms, lengths=lengths, cuts=st.lists(st.integers(1, USABLE - 1), max_size=4, unique=True))
def test_decoding_in_any_chunks_equals_one_pass(form, lengths, cuts):
    embed, rows = build(**FORMS[form]), sequences(lengths)
    ids, mask = pad(rows, left=True)
    plain, masked = embed(ids), embed(ids, attention_mask=mask)
    total = ids.shape[1]
    edges = sorted({0, total, *(cut for cut in cuts if cut < total)})
    for start, end in itertools.pairwise(edges):
        chunk = slice(start, end)
        assert torch.equal(embed(ids[:, chunk], start=start), plain[:, chunk])
        whole_mask = embed(ids[:, chunk], start=start, attention_mask=mask[:, :end])
        assert torch.equal(whole_mask, masked[:, chunk])


@given(form=forms, lengths=st.lists(st.integers(0, 8), min_size=1, max_size=3), start=st.integers(0, 12))
def test_a_mask_of_the_chunk_counts_on_from_start(form, lengths, start):
    embed = build(**FORMS[form])
    ids, mask = pad(sequences(lengths), left=False)
    got = embed(ids, attention_mask=mask, start=start)
    positions = positions_from_mask(mask, start=start)
    real = mask == 1
    assert torch.equal(got[real], embed(ids, position_ids=positions)[real])
    # … which is what a cache of `start` tokens without padding gives:
    cached = embed(ids, attention_mask=torch.cat((torch.ones(len(ids), start, dtype=torch.long), mask), 1), start=start)
    assert torch.equal(got, cached)


@given(form=forms, seq=st.integers(0, USABLE), batch=st.integers(1, 3))
def test_every_way_to_say_the_default_positions_agrees(form, seq, batch):
    if form == "padding row is a position":
        form = "plain"  # there a masked token is not the same as an unmasked one at that position
    embed = build(**FORMS[form])
    ids = torch.randint(0, VOCAB, (batch, seq))
    expected = embed(ids)
    assert expected.shape == (batch, seq, WIDTH)
    for position_ids in (torch.arange(seq), torch.arange(seq)[None], torch.arange(seq).expand(batch, seq)):
        assert torch.equal(embed(ids, position_ids=position_ids), expected)
    assert torch.equal(embed(ids, attention_mask=torch.ones(batch, seq)), expected)
    assert torch.equal(embed(inputs_embeds=embed.token(ids)), expected)
    types = torch.zeros(batch, seq, dtype=torch.long)
    if embed.segment is not None:
        assert torch.equal(embed(ids, token_type_ids=types), expected)
        assert torch.equal(embed(ids, token_type_ids=types[:1]), expected)
        assert torch.equal(embed(ids, token_type_ids=types[0]), expected)


def test_padded_tokens_read_the_padding_row_or_position_zero():
    ids, mask = torch.tensor([[5, 6, 7]]), torch.tensor([[0, 1, 1]])
    with_row, without = build(reserved=2, position_padding_idx=1), build(reserved=2)
    for embed, row in ((with_row, 1), (without, 2)):
        rows = embed.position.weight[torch.tensor([[row, 2, 3]])]
        assert torch.equal(embed(ids, attention_mask=mask), embed.token(ids) + rows)


def test_tokens_plus_segment_plus_position_then_norm():
    embed = build(type_vocab_size=3, layer_norm_eps=0.1)
    nn.init.normal_(embed.norm.weight)
    nn.init.normal_(embed.norm.bias)
    ids, types = torch.tensor([[4, 5, 6]]), torch.tensor([[2, 0, 1]])
    rows = embed.token.weight[ids] + embed.position.weight[:3] + embed.segment.weight[types]
    mean, variance = rows.mean(-1, keepdim=True), rows.var(-1, keepdim=True, unbiased=False)
    expected = (rows - mean) / (variance + 0.1).sqrt() * embed.norm.weight + embed.norm.bias
    torch.testing.assert_close(embed(ids, token_type_ids=types), expected)


def test_dropout_is_the_last_step():
    embed = build(dropout=0.5)
    ids = torch.arange(20)[None]
    expected = embed(ids)
    embed.train()
    got = embed(ids)
    kept = got != 0
    assert 0.3 < kept.float().mean() < 0.7
    torch.testing.assert_close(got[kept], (2 * expected)[kept])


def test_names_in_the_state_dict():
    names = list(TokenPositionEmbedding.from_preset("bert-base", vocab_size=9, d_model=4).state_dict())
    assert names == ["token.weight", "position.weight", "segment.weight", "norm.weight", "norm.bias"]
    assert list(build().state_dict()) == ["token.weight", "position.weight"]
    assert list(build(position="none").state_dict()) == ["token.weight"]
    plain = build(position="none")
    assert (plain.position, plain.segment, plain.norm, plain.dropout, plain.usable_length) == (None,) * 5


def test_copies():
    embed = build(**FORMS["bert"], reserved=2, position_padding_idx=1)
    ids, mask = torch.tensor([[4, 5, 6]]), torch.tensor([[1, 1, 0]])
    for copied in (copy.deepcopy(embed), pickle.loads(pickle.dumps(embed))):
        assert torch.equal(copied(ids, attention_mask=mask), embed(ids, attention_mask=mask))
        assert repr(copied) == repr(embed)
        copied.token.weight.data.zero_()
        assert embed.token.weight.any()
    fresh = build(**FORMS["bert"], reserved=2, position_padding_idx=1)
    fresh.reset_parameters()
    fresh.load_state_dict(embed.state_dict())
    assert torch.equal(fresh(ids), embed(ids))


@pytest.mark.parametrize("form", sorted(FORMS))
def test_drawing_again_and_from_meta(form):
    embed = build(**FORMS[form])
    torch.manual_seed(2)
    embed.reset_parameters()
    first = {name: value.clone() for name, value in embed.state_dict().items()}
    empty = build(**FORMS[form], device="meta").to_empty(device="cpu")
    for value in empty.state_dict().values():
        value.fill_(float("nan"))  # nothing may be left as it was
    torch.manual_seed(2)
    empty.reset_parameters()
    assert empty.state_dict().keys() == first.keys()
    for name, value in empty.state_dict().items():
        assert torch.equal(value, first[name]), name
    if embed.token.padding_idx is not None:
        assert not embed.token.weight[embed.token.padding_idx].any()


def test_the_initial_values():
    embed = TokenPositionEmbedding(
        500, 500, 64, type_vocab_size=500, init_std=0.1, position_init_std=0.3, init="truncated_normal"
    )
    for weight, std in ((embed.token.weight, 0.1), (embed.position.weight, 0.3), (embed.segment.weight, 0.1)):
        assert weight.std().item() == pytest.approx(0.88 * std, rel=0.02)
        assert weight.abs().max() <= 2 * std
    assert not TokenPositionEmbedding(5, 4, 4, init_std=0.0, init="truncated_normal").token.weight.any()


def test_a_position_module_of_ones_own():
    pe = LearnedPositionalEmbedding(USABLE, WIDTH, reserved=1, padding_idx=0)
    embed = build(position=pe)
    assert embed.position is pe
    ids, mask = torch.tensor([[4, 5, 6]]), torch.tensor([[0, 1, 1]])
    assert torch.equal(embed(ids, attention_mask=mask), embed.token(ids) + pe.weight[[0, 1, 2]])
    fixed = build(position=SinusoidalPositionalEmbedding(4, WIDTH, variant="half"))
    assert torch.equal(fixed(ids), build(position="sinusoidal", variant="half")(ids))


def test_repr_names_the_parts():
    text = repr(build(**FORMS["bert"], reserved=2))
    for part in ("(token): Embedding(30, 6)", "(position): LearnedPositionalEmbedding(20, 6, reserved=2)", "(norm):"):
        assert part in text
