"""Each row of a batch reads the table of its own length; the reference is one plain table a row."""

import pytest
import torch
from torch import nn

from posembed.errors import ArgumentTypeError, InvalidArgumentError, PositionOutOfRangeError
from posembed.nn.length_aware import LengthAwareEmbedding

LIMITS = (5, 9, 16)


def make(reserved=0, width=3, padding_idx=None):
    torch.manual_seed(0)
    tables = [torch.randn(reserved + limit, width) for limit in LIMITS]
    return LengthAwareEmbedding(tables, LIMITS, reserved=reserved, padding_idx=padding_idx), tables


def plain(tables, rows, length):
    """One input by itself: an ordinary lookup in the table of its length."""
    number = next(k for k, limit in enumerate(LIMITS) if length <= limit)
    return nn.functional.embedding(rows, tables[number])


@pytest.mark.parametrize("reserved", [0, 2])
@pytest.mark.parametrize("length", [1, 5, 6, 9, 10, 16])
def test_one_input_reads_the_table_of_its_length(reserved, length):
    module, tables = make(reserved)
    rows = reserved + torch.arange(length)[None]
    assert torch.equal(module(rows), plain(tables, rows, length))


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_padded_batch_of_mixed_lengths(side):
    """Positions by column, as BERT has them: a text on the right side of its padding stands at later positions."""
    module, tables = make()
    lengths = (3, 5, 6, 12)
    mask = torch.zeros(4, 12, dtype=torch.int64)
    for row, length in zip(mask, lengths, strict=True):
        row[:length] = 1 if side == "right" else 0
        if side == "left":
            row[12 - length :] = 1
    module.mask = mask
    found = module(torch.arange(12)[None])
    for row, length, got in zip(mask, lengths, found, strict=True):
        real = row.bool()
        wanted = plain(tables, torch.arange(12)[real], length if side == "right" else 12)
        assert torch.equal(got[real], wanted)


def test_ids_that_count_real_tokens():
    """RoBERTa's way: padding reads row 1, the first token row 2, wherever the padding stands."""
    module, tables = make(reserved=2, padding_idx=1)
    mask = torch.tensor([[0, 0, 0, 0, 0, 0, 0, 1, 1, 1], [1] * 10])
    rows = mask.cumsum(1) * mask + 1
    module.mask = mask
    found = module(rows)
    assert torch.equal(found[0, 7:], tables[0][2:5])
    assert torch.equal(found[0, :7], tables[0][1].expand(7, -1))
    assert torch.equal(found[1], tables[2][2:12])


def test_gradients_are_those_of_plain_lookups():
    module, tables = make(reserved=2, padding_idx=1)
    mask = torch.tensor([[1, 1, 1, 0, 0, 0, 0], [1] * 7])
    rows = mask.cumsum(1) * mask + 1
    module.mask = mask
    weights = torch.randn(2, 7, 3)
    (module(rows) * weights).sum().backward()
    copies = [table.clone().requires_grad_() for table in tables]
    for row, weight, number in zip(rows, weights, (0, 1), strict=True):
        (nn.functional.embedding(row, copies[number], padding_idx=1) * weight).sum().backward()
    begin = 0
    for copy in copies:
        wanted = torch.zeros_like(copy) if copy.grad is None else copy.grad
        torch.testing.assert_close(module.weight.grad[begin : begin + len(copy)], wanted)
        begin += len(copy)


def test_padding_never_counts_and_never_fails():
    module, _ = make()
    module.mask = torch.tensor([[1, 1] + [0] * 30])
    assert module(torch.arange(32)[None]).shape == (1, 32, 3)


def test_past_the_last_limit_is_an_error():
    module, _ = make()
    with pytest.raises(PositionOutOfRangeError, match="position 16 has no row: the longest table has 16 positions"):
        module(torch.arange(17)[None])
    module.mask = torch.tensor([[1] * 16 + [0], [1] * 17])
    with pytest.raises(PositionOutOfRangeError):
        module(torch.arange(17)[None])


def test_decoding_with_a_plan_reads_one_table():
    module, tables = make()
    with module.planning(12):
        pieces = torch.cat([module(torch.arange(4)[None]), *(module(torch.tensor([[t]])) for t in range(4, 12))], 1)
    assert torch.equal(pieces[0], tables[2][:12])
    assert torch.equal(module(torch.arange(4)[None])[0], tables[0][:4])


def test_a_mask_of_what_was_before():
    module, tables = make()
    module.mask = torch.ones(1, 8, dtype=torch.int64)
    assert torch.equal(module(torch.tensor([[7]]))[0], tables[1][7:8])


def test_tables_are_views():
    module, tables = make(reserved=2)
    for number, table in enumerate(tables):
        assert torch.equal(module.table(number), table)
    assert (module.num_embeddings, module.embedding_dim) == (18, 3)
    assert "limits=[5, 9, 16], reserved=2" in repr(module)


@pytest.mark.parametrize(
    ("tables", "limits", "sentence"),
    [
        ([], [], "0 tables and 0 limits"),
        ([torch.zeros(4, 2)], [4, 8], "1 tables and 2 limits"),
        ([torch.zeros(4, 2), torch.zeros(4, 2)], [4, 4], r"limits=\[4, 4\] must be increasing"),
        ([torch.zeros(4, 2), torch.zeros(7, 2)], [4, 8], r"shape \[7, 2\] does not fit limit 8"),
        ([torch.zeros(4, 2), torch.zeros(8, 3)], [4, 8], r"it must be \[8, 2\]"),
        ([torch.zeros(4, 2), torch.zeros(8, 2).half()], [4, 8], "a table is torch.float16 on cpu, the first torch.flo"),
        ([torch.zeros(4, 2), torch.zeros(8, 2, device="meta")], [4, 8], "all must have one floating-point type and"),
        ([torch.zeros(4, 2, dtype=torch.long)], [4], "a table is torch.int64"),
    ],
)
def test_what_does_not_fit_is_refused(tables, limits, sentence):
    with pytest.raises(InvalidArgumentError, match=sentence):
        LengthAwareEmbedding(tables, limits)


def test_a_mask_of_another_batch_is_refused():
    module, _ = make()
    module.mask = torch.ones(3, 4)
    with pytest.raises(InvalidArgumentError, match="does not fit positions of shape"):
        module(torch.zeros(2, 4, dtype=torch.int64))
    with pytest.raises(ArgumentTypeError, match="must be"):
        module(torch.zeros(4, dtype=torch.int64))
