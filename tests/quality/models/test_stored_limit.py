"""At how many tokens a model's files say that inputs are cut."""

import pytest

from posembed.quality.models.stored_limit import stored_limit

TOKENIZER = {"truncation": {"max_length": 128}}
MODULES = [{"path": "", "type": "sentence_transformers.models.Transformer"}]


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({}, None),
        ({"tokenizer": TOKENIZER}, 128),
        ({"tokenizer": TOKENIZER, "tokenizer_config": {"model_max_length": 384}}, 384),
        (
            {
                "tokenizer": TOKENIZER,
                "tokenizer_config": {"model_max_length": 512},
                "sentence_bert_config": {"max_seq_length": 256},
            },
            256,
        ),
        ({"tokenizer": TOKENIZER, "tokenizer_config": {"model_max_length": 1000000000000000019884624838656}}, 128),
        ({"tokenizer": {"truncation": None}, "tokenizer_config": {}}, None),
        ({"sentence_bert_config": {"max_seq_length": None}, "tokenizer_config": {"model_max_length": 77}}, 77),
    ],
)
def test_who_has_the_last_word(folder, files, limit):
    assert stored_limit(folder(modules=MODULES, **files)) == limit
