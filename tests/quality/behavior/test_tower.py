"""The features of the part of a model that reads a table."""

import pytest
import torch

from posembed.errors import WorkFailedError
from posembed.quality.behavior.tower import call, innermost


def test_the_innermost_part_is_taken(loaded):
    model, _ = loaded("bert")
    ids = torch.arange(5, 13)[None]
    seen = call(model.model, "bert.embeddings.position_embeddings.weight", {"input_ids": ids})
    assert set(seen.features) == {"bert"}
    assert seen.logits.shape == (1, 8, 100)
    with torch.no_grad():
        assert torch.equal(innermost(seen), model.model.bert(ids).last_hidden_state)


def test_hooks_are_taken_away(loaded):
    model, _ = loaded("bert")
    call(model.model, "bert.embeddings.position_embeddings.weight", {"input_ids": torch.arange(5, 13)[None]})
    assert not any(module._forward_hooks for module in model.model.modules())


def test_a_feature_map_becomes_patches():
    class Image(torch.nn.Module):
        def forward(self, pixels):
            return type("Output", (), {"last_hidden_state": pixels})()

    seen = call(Image(), "table", {"pixels": torch.arange(24.0).reshape(1, 2, 3, 4)})
    assert innermost(seen).shape == (1, 12, 2)
    assert innermost(seen)[0, 1].tolist() == [1, 13]


def test_a_timm_model_gives_what_its_last_norm_sees():
    class Timm(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = torch.nn.LayerNorm(4)

        def forward_features(self, x):
            return self.norm(x)

        def forward(self, x):
            return self.forward_features(x).mean(1)

    seen = call(Timm(), "pos_embed", {"x": torch.randn(2, 5, 4)})
    assert innermost(seen).shape == (2, 5, 4)


def test_a_model_that_gives_no_tokens():
    class Score(torch.nn.Linear):
        pass

    with pytest.raises(WorkFailedError, match=r"no part of Score around pos\.weight gives one vector per token"):
        call(_Holding(Score(2, 1)), "pos.weight", {"x": torch.ones(1, 2)})


class _Holding(torch.nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.pos = inner

    def forward(self, x):
        return self.pos(x)


_Holding.__name__ = "Score"
