"""Whole models with length-aware positions, compiled and exported."""

import numpy as np
import onnxruntime
import pytest
import torch
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument
from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel

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
    model, eager = make(), make()
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    for length, padded in ((20, 20), (20, 5), (7, 3), (12, 12)):
        ids, mask = batch(length, padded)
        found, expected = (each(ids, attention_mask=mask).last_hidden_state for each in (compiled, eager))
        torch.testing.assert_close(found, expected)
        found.square().sum().backward()
        expected.square().sum().backward()
    gradients = [each.embeddings.position_embeddings.weight.grad for each in (model, eager)]
    torch.testing.assert_close(*gradients)
    assert all(table.abs().sum() > 0 for table in gradients[0].split([16, 32]))


class States(torch.nn.Module):
    """A model as a function of two tensors, which the exporter takes."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids, mask):
        return self.model(input_ids=ids, attention_mask=mask).last_hidden_state


def roberta():
    torch.manual_seed(1)
    config = RobertaConfig(
        max_position_embeddings=18, pad_token_id=1, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, vocab_size=30,
    )  # fmt: skip
    model = RobertaModel(config).eval()
    extend_model(model, 32, method="linear", length_aware=True)
    return model


@pytest.mark.filterwarnings("ignore")  # of the exporter, about its own future
@pytest.mark.parametrize("made", [make, roberta])
def test_onnx(made, tmp_path):
    """The graph chooses the table from the mask, for each text of a batch, at every length."""
    model = States(made()).eval()
    axes = {name: {0: "batch", 1: "seq"} for name in ("ids", "mask")}
    torch.onnx.export(
        model, batch(20, 9), tmp_path / "model.onnx", dynamo=False, input_names=["ids", "mask"], dynamic_axes=axes
    )
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    for length, padded in ((20, 9), (32, 16), (32, 17), (32, 32), (16, 16), (12, 3)):
        ids, mask = batch(length, padded)
        ids = torch.where(mask == 0, 1, ids)  # padding by RoBERTa's token
        found = session.run(None, {"ids": ids.numpy(), "mask": mask.numpy()})[0]
        real = mask.bool()
        np.testing.assert_allclose(found[real], model(ids, mask)[real].detach(), atol=1e-5)
    ids, mask = batch(36, 36)
    with pytest.raises(InvalidArgument):  # past the longest table
        session.run(None, {"ids": ids.numpy(), "mask": mask.numpy()})
