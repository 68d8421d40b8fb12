"""Continuations of one context: read once or again and again, the logits are the same."""

import numpy as np
import pytest
import torch
import transformers

from posembed.quality.models.causal import CAUSAL
from posembed.quality.models.continuation import continued_cached, continued_whole
from posembed.quality.models.masked import MASKED
from posembed.quality.models.scorer import Scorer

SMALL = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "ffn_dim": 32}
CONTEXT, OPTIONS = torch.arange(30) % 47, torch.tensor([[1, 2, 3, 4], [9, 8, 7, 6], [1, 2, 3, 5]])


def gpt2():
    config = transformers.GPT2Config(vocab_size=50, n_embd=16, n_layer=2, n_head=2, n_positions=64)
    return transformers.GPT2LMHeadModel(config)


def opt():
    config = transformers.OPTConfig(**SMALL, max_position_embeddings=64, word_embed_proj_dim=16)
    return transformers.OPTForCausalLM(config)


@pytest.mark.parametrize("make", [gpt2, opt])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_context_that_is_read_once_gives_the_same(make, precision):
    model, seen = make().eval(), []
    model.register_forward_pre_hook(lambda _, __, named: seen.append(tuple(named["input_ids"].shape)), with_kwargs=True)

    def logits(ids):
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            return model(input_ids=ids).logits

    with torch.no_grad():
        found = continued_cached(model, precision)(CONTEXT, OPTIONS)
        assert seen == [(1, 30), (1, 3), (1, 3), (1, 3)]
        wanted = continued_whole(logits)(CONTEXT, OPTIONS)
    assert found.dtype == torch.float32
    tolerance = 1e-5 if precision == "fp32" else 5e-3
    torch.testing.assert_close(found, wanted, atol=tolerance, rtol=0)
    assert not torch.allclose(found[0, 1], found[1, 1], atol=1e-3), "what went before in the continuation counts"


def test_without_keys_and_values_everything_is_read_again():
    model = gpt2().eval()
    plain = lambda input_ids, **_: transformers.modeling_outputs.CausalLMOutput(  # noqa: E731
        logits=model(input_ids=input_ids).logits
    )
    with torch.no_grad():
        found = continued_cached(plain, "fp32")(CONTEXT, OPTIONS)
        torch.testing.assert_close(found, continued_cached(model, "fp32")(CONTEXT, OPTIONS), atol=1e-5, rtol=0)


def test_losses_of_a_causal_model_are_those_of_the_whole_input():
    model = gpt2().eval()
    scorer = Scorer(lambda ids: model(input_ids=ids).logits, CAUSAL, None, continued_cached(model, "fp32"))
    found = scorer.continuation_losses(CONTEXT.tolist(), OPTIONS.tolist())
    ids = np.stack([np.concatenate((CONTEXT, option)) for option in OPTIONS])
    wanted = scorer.losses(ids, np.ones(ids.shape, bool))[:, len(CONTEXT) :].mean(axis=1)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_masked_model_sees_no_token_of_a_continuation():
    seen = []

    def logits(ids):
        seen.append(ids.tolist())
        return torch.nn.functional.one_hot((ids + torch.arange(ids.shape[1])) % 50, 50) * 9.0

    scorer = Scorer(logits, MASKED, 49)
    losses = scorer.continuation_losses([5, 6], [[1, 2, 3], [4, 0, 7]])
    assert seen == [[[5, 6, 49, 49, 49]]]
    told = [(49 + place) % 50 for place in (2, 3, 4)]
    assert told == [1, 2, 3]
    assert losses[0] < 0.01 < 5 < losses[1]
