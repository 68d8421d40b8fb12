"""Every naming law names both tables, and the names are those of the models that Transformers builds."""

import pytest
import torch

from posembed.nn.state_dict_names import NAMING_LAWS

MODELS = {
    "bert": ("BertForMaskedLM", {"vocab_size": 12, "intermediate_size": 8}),
    "roberta": ("RobertaForMaskedLM", {"vocab_size": 12, "intermediate_size": 8, "pad_token_id": 1}),
    "mpnet": ("MPNetForMaskedLM", {"vocab_size": 12, "intermediate_size": 8, "pad_token_id": 1}),
}
SMALL = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 10}


@pytest.mark.parametrize("family", NAMING_LAWS)
def test_every_law_names_both_tables(family):
    law = NAMING_LAWS[family]
    assert law.names["token.weight"]
    assert law.names["position.weight"]
    assert law.prefix_end == "" or law.prefix_end.endswith(".")


@pytest.mark.parametrize("family", MODELS)
def test_the_names_are_those_of_transformers(family):
    transformers = pytest.importorskip("transformers")
    name, sizes = MODELS[family]
    with torch.device("meta"):
        model = getattr(transformers, name)(getattr(transformers, name).config_class(**SMALL | sizes))
    law, keys = NAMING_LAWS[family], set(model.state_dict())
    for names in (law.names["token.weight"], law.names["position.weight"], law.names["norm.weight"]):
        assert law.prefix_end + names[0] in keys


def test_only_a_law_without_a_prefix_may_share_names():
    named = [law.prefix_end for law in NAMING_LAWS.values() if not law.bare]
    assert len(named) == len(set(named))
