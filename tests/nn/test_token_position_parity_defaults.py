"""Where the real models' own default positions are ours, and what their padding tokens read and train."""

import pytest
import torch

from tests.fixtures.caches import cache_arguments, length_argument

USABLE, VOCAB = 16, 40
RIGHT = (torch.arange(8) < torch.tensor([[8], [5], [1]])).long()
LEFT = RIGHT.flip(1)
SIDES = pytest.mark.parametrize("mask", [RIGHT, LEFT], ids=["right padding", "left padding"])


def rows_read(call, table, place):
    """Rows of ``table`` that the output at ``place`` depends on, by changing one row after the other."""
    found = set()
    with torch.no_grad():
        before = call()[place]
        for row in range(table.shape[0]):
            kept = table[row].clone()
            table[row] += torch.linspace(-1, 1, table.shape[1])  # not a constant: LayerNorm would take that out
            if not torch.equal(call()[place], before):
                found.add(row)
            table[row] = kept
    return found


def rows_trained(call, table, place):
    """Rows of ``table`` that get a gradient from a loss at ``place`` alone."""
    hidden = call()
    cotangent = torch.zeros_like(hidden)
    cotangent[place] = torch.randn_like(hidden[place])
    (gradient,) = torch.autograd.grad(hidden, table, cotangent)
    return set(gradient.any(-1).nonzero().flatten().tolist())


def padding_rows(pair, mask, real_options):
    """(read, trained) by the padding tokens: in the real model, in ours."""
    ids, place = pair.tokens(mask), mask == 0
    (position,) = [(ours, theirs) for name, ours, theirs in pair.parameters if name == "position.weight"]
    out = []
    for call, table in (
        (lambda: pair.embed(ids, attention_mask=mask), position[0]),
        (lambda: pair.hidden(ids, **real_options)[0], position[1]),
    ):
        out.append((rows_read(call, table, place), rows_trained(call, table, place)))
    ours, theirs = out
    return theirs, ours


@SIDES
@pytest.mark.parametrize("name", ["bert", "distilbert", "gpt2"])
def test_pads_of_bert_distilbert_and_gpt2(pairs, name, mask):
    # There the mask moves no position: a padding token reads and trains the row of its column. Ours: position 0.
    theirs, ours = padding_rows(pairs[name], mask, {"attention_mask": mask})
    columns = set((mask == 0).any(0).nonzero().flatten().tolist())
    assert theirs == (columns, columns)
    assert ours == ({0}, {0})


@SIDES
def test_pads_of_roberta(pairs, mask):
    # Both read row 1, padding_idx, and neither trains it.
    theirs, ours = padding_rows(pairs["roberta"], mask, {"attention_mask": mask})
    assert theirs == ours == ({1}, set())


@SIDES
def test_pads_of_opt(pairs, mask):
    # There position -1 plus 2 is row 1, and it is trained. OPT has no padding_idx, so ours is position 0, row 2.
    theirs, ours = padding_rows(pairs["opt"], mask, {"attention_mask": mask})
    assert theirs == ({1}, {1})
    assert ours == ({2}, {2})


@pytest.mark.parametrize("name", ["bert", "roberta", "distilbert", "opt"])
def test_the_pad_token_is_not_trained(pairs, name):
    pair = pairs[name]
    ids, place = pair.tokens(RIGHT), RIGHT == 0
    (token,) = [(ours, theirs) for key, ours, theirs in pair.parameters if key == "token.weight"]
    assert rows_trained(lambda: pair.embed(ids, attention_mask=RIGHT), token[0], place) == set()
    assert rows_trained(lambda: pair.hidden(ids, attention_mask=RIGHT)[0], token[1], place) == set()
    assert rows_read(lambda: pair.embed(ids, attention_mask=RIGHT), token[0], place) == {pair.family.pad_token}


@SIDES
def test_roberta_counts_its_tokens_itself(pairs, mask):
    # Its own ids follow from input_ids != pad token: with the mask that says the same, every token agrees, pads too.
    pair = pairs["roberta"]
    ids = pair.tokens(mask)
    expected, _ = pair.hidden(ids, attention_mask=mask)
    assert (pair.embed(ids, attention_mask=mask) - expected).abs().max() <= 1e-6


@SIDES
def test_opt_counts_its_mask_itself(pairs, mask):
    pair, real = pairs["opt"], mask == 1
    ids = pair.tokens(mask)
    expected, _ = pair.hidden(ids, attention_mask=mask)
    got = pair.embed(ids, attention_mask=mask)
    assert (got - expected)[real].abs().max() <= 1e-6
    assert (got - expected)[~real].abs().min() > 0  # row 2 against row 1, see above


@pytest.mark.parametrize("name", ["gpt2", "opt"])
def test_the_default_positions_of_a_cache(pairs, name):
    pair = pairs[name]
    ids, cache = torch.randint(4, VOCAB, (2, USABLE)), None
    for start, end in ((0, 5), (5, 6), (6, 10), (10, USABLE)):
        hidden, cache = pair.hidden(ids[:, start:end], use_cache=True, **cache_arguments(pair.inner, cache))
        assert (pair.embed(ids[:, start:end], start=start) - hidden).abs().max() <= 1e-6


def test_opt_with_a_cache_and_left_padding(pairs):
    pair, cache = pairs["opt"], None
    ids = pair.tokens(LEFT)
    for start, end in ((0, 4), (4, 5), (5, 8)):
        mask = LEFT[:, :end]
        hidden, cache = pair.hidden(
            ids[:, start:end], attention_mask=mask, use_cache=True, **cache_arguments(pair.inner, cache)
        )
        got = pair.embed(ids[:, start:end], attention_mask=mask, start=start)
        assert (got - hidden)[mask[:, start:] == 1].abs().max() <= 1e-6


@pytest.mark.parametrize("name", ["bert", "roberta"])
@pytest.mark.parametrize("start", [0, 3, USABLE - 4])
def test_the_past_length_of_bert_and_roberta(pairs, name, start):
    pair = pairs[name]
    ids = torch.randint(4, VOCAB, (2, 4))
    hidden = pair.inner.embeddings(input_ids=ids, **length_argument(pair.inner.embeddings, start))
    assert (pair.embed(ids, start=start) - hidden).abs().max() <= 1e-6


@pytest.mark.parametrize("name", ["bert", "roberta", "distilbert"])
def test_given_embeddings(pairs, name):
    pair = pairs[name]
    given = torch.randn(2, 5, 12)
    hidden = pair.inner.embeddings(input_ids=None, inputs_embeds=given)
    assert (pair.embed(inputs_embeds=given) - hidden).abs().max() <= 1e-6


def test_left_padding_of_gpt2_without_position_ids(pairs):
    # The trap: GPT-2 ignores the mask here, so its own default is another text than the unpadded one.
    pair, real = pairs["gpt2"], LEFT == 1
    ids = pair.tokens(LEFT)
    hidden, _ = pair.hidden(ids, attention_mask=LEFT)
    assert (pair.embed(ids) - hidden).abs().max() <= 1e-6
    assert (pair.embed(ids, attention_mask=LEFT) - hidden)[real].abs().max() > 0.1
