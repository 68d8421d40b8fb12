"""Whole models with length-aware positions, compiled and exported."""

import torch
from transformers import BertConfig, BertModel

from posembed.commands.extend_model import extend_model


def make():
    torch.manual_seed(1)
    config = BertConfig(
        max_position_embeddings=16, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        vocab_size=30,
    )  # fmt: skip
    model = BertModel(config).eval()
    extend_model(model, 32, method="linear", length_aware=True)
    return model


def batch(length, padded):
    ids = torch.randint(3, 28, (2, length))
    mask = torch.ones_like(ids)
    mask[0, padded:] = 0
    return ids, mask


def test_exported():
    model = make()
    ids, mask = batch(20, 20)
    program = torch.export.export(model, (ids,), {"attention_mask": mask}).module()
    for padded in (20, 16, 17, 5):  # on either side of the short table's end
        ids, mask = batch(20, padded)
        expected = model(ids, attention_mask=mask).last_hidden_state
        torch.testing.assert_close(program(ids, attention_mask=mask).last_hidden_state, expected)


def test_compiled():
    torch._dynamo.reset()
    model = make()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    for length, padded in ((20, 20), (20, 5), (7, 3), (12, 12)):
        ids, mask = batch(length, padded)
        expected = model(ids, attention_mask=mask).last_hidden_state
        torch.testing.assert_close(compiled(ids, attention_mask=mask).last_hidden_state, expected)
