"""State dicts of real model classes: what they call their tensors is not written down here a second time."""

import pytest
import torch
import transformers

from posembed.errors import StateDictError
from posembed.nn import TokenPositionEmbedding
from posembed.nn.state_dict import load_transformers_state_dict

SIZES = {"vocab_size": 40, "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 1}
BERT = {"hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
GPT2 = {"n_embd": 12, "n_layer": 1, "n_head": 2, "n_positions": 16}
OPT = {"hidden_size": 12, "word_embed_proj_dim": 12, "num_hidden_layers": 1, "num_attention_heads": 2, "ffn_dim": 16}
BART = {"d_model": 12, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16} | {
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
}
LENGTH, LONGER = {"max_position_embeddings": 16}, {"max_position_embeddings": 18}


def real(name, **config):
    model_class = getattr(transformers, name)
    return model_class(model_class.config_class(**(SIZES | config))).state_dict()


@pytest.mark.parametrize(
    ("name", "config", "family", "preset"),
    [
        ("BertModel", BERT | LENGTH, "bert-like", "bert-base"),
        ("BertForSequenceClassification", BERT | LENGTH, "bert", "bert-base"),
        ("BigBirdForMaskedLM", BERT | LENGTH, "bert", "bigbird-base"),
        ("RobertaModel", BERT | LONGER, "bert-like", "roberta-base"),
        ("XLMRobertaForMaskedLM", BERT | LONGER, "roberta", "xlm-roberta-base"),
        ("XLMRobertaForTokenClassification", BERT | LONGER, "roberta", "xlm-roberta-base"),
        ("MPNetForMaskedLM", BERT | LONGER, "mpnet", "mpnet-base"),
        ("ElectraForPreTraining", BERT | LENGTH | {"embedding_size": 12}, "bert-like", "electra-small"),
        ("GPT2Model", GPT2, "gpt2", "gpt2"),
        ("GPT2ForSequenceClassification", GPT2, "gpt2", "gpt2"),
        ("GPT2ForQuestionAnswering", GPT2, "gpt2", "gpt2"),
        ("GPT2DoubleHeadsModel", GPT2, "gpt2", "gpt2"),
        ("OPTModel", OPT | LENGTH, "opt", "opt-125m"),
        ("OPTForSequenceClassification", OPT | LENGTH, "opt", "opt-125m"),
    ],
)
def test_whole_models_with_and_without_a_head(name, config, family, preset):
    types = {} if family == "mpnet" or preset in ("gpt2", "opt-125m") else {"type_vocab_size": 2}
    state_dict = real(name, **config, **types)
    embed = TokenPositionEmbedding.from_preset(preset, vocab_size=40, max_len=16, d_model=12, **types)
    report = load_transformers_state_dict(embed, state_dict)
    assert report.family == family
    assert report.dropped == ()
    assert len(report.loaded) + len(report.outside) == len(state_dict)
    for ours, theirs in report.loaded.items():
        assert torch.equal(embed.get_parameter(ours), state_dict[theirs])


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("OPTForCausalLM", OPT | LENGTH | {"word_embed_proj_dim": 8}, r"project_in.weight .* projects the tokens"),
        ("BartForConditionalGeneration", BART | LENGTH, "model.decoder.layernorm_embedding.weight does not belong"),
        ("T5Model", {"d_model": 12, "d_kv": 6, "num_layers": 1, "num_heads": 2, "d_ff": 16}, "lacks decoder.embed_pos"),
        ("ViTModel", BERT | {"image_size": 8, "patch_size": 4}, "no token table under a known name"),
        ("CLIPTextModel", BERT | LENGTH, "no token table under a known name"),
    ],
)
def test_other_models_are_refused(name, config, message):
    embed = TokenPositionEmbedding.from_preset("opt-125m", vocab_size=40, max_len=16, d_model=12)
    before = {key: value.clone() for key, value in embed.state_dict().items()}
    with pytest.raises(StateDictError, match=message):
        load_transformers_state_dict(embed, real(name, **config))
    assert all(torch.equal(value, before[key]) for key, value in embed.state_dict().items())
