"""Limits on the tokens of a text: tokenizer, padding, sentence-transformers, ColBERT, generation."""

import json

import pytest

from posembed import extend_checkpoint, plan_extension
from posembed.extension.token_fields import TextLengths


@pytest.mark.parametrize(
    ("lengths", "limit", "cuts"),
    [
        (TextLengths(16, 32), 16, True),
        (TextLengths(16, 32), 31, True),
        (TextLengths(16, 32), 32, False),
        (TextLengths(16, 8), 16, True),
        (TextLengths(16, 8), 8, False),
        (TextLengths(16, 8), 4, False),
    ],
)
def test_a_limit_that_cuts(lengths, limit, cuts):
    assert lengths.cuts(limit) is cuts


def tokenizer(truncation, padding):
    strategy = padding if isinstance(padding, str) else {"Fixed": padding}
    return {
        "truncation": None if truncation is None else {"max_length": truncation, "strategy": "LongestFirst"},
        "padding": None if padding is None else {"strategy": strategy, "direction": "Right", "pad_id": 0},
    }


@pytest.mark.parametrize(
    ("truncation", "padding", "to", "expected"),
    [
        (8, 8, 32, 32),  # both are lower than the table: as all-MiniLM-L6-v2 has it
        (16, 16, 32, 32),
        (None, 16, 32, 32),  # the table's length alone
        (8, 16, 32, 32),
        (8, "BatchLongest", 32, None),
        (8, None, 32, None),
        (16, 4, 32, None),  # somebody's choice: shorter than any limit
        (16, 48, 32, None),
        (16, 16, 8, 8),
        (8, 12, 8, 8),  # longer than the new table: it could not be read
        (16, 4, 8, None),
    ],
)
def test_padding_to_a_fixed_length_follows_the_truncation(bert, truncation, padding, to, expected):
    (bert / "tokenizer.json").write_text(json.dumps(tokenizer(truncation, padding)))
    plan = plan_extension(bert, to, method="crop" if to < 16 else "tile")
    after = {change.name: change.after for change in plan.fields if change.file.name == "tokenizer.json"}
    assert after.get("padding.strategy.Fixed") == expected


def test_texts_of_one_batch_have_one_length(bert, tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[PAD]": 0, "a": 1}, unk_token="[PAD]"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    words.enable_truncation(8)
    words.enable_padding(length=8)
    words.save(str(bert / "tokenizer.json"))
    extend_checkpoint(bert, tmp_path / "out", 32)
    new = tokenizers.Tokenizer.from_file(str(tmp_path / "out/tokenizer.json"))
    assert {len(each.ids) for each in new.encode_batch(["a", "a " * 20, "a " * 50])} == {32}


@pytest.mark.parametrize(
    ("name", "content", "field"),
    [
        ("sentence_bert_config.json", {"document_length": 16, "query_length": 4}, "document_length"),
        (
            "sentence_bert_config.json",
            {"processing_kwargs": {"text": {"max_length": 12}}},
            "processing_kwargs.text.max_length",
        ),
        (
            "sentence_bert_config.json",
            {"processor_kwargs": {"model_max_length": 16}},
            "processor_kwargs.model_max_length",
        ),
        ("sentence_bert_config.json", {"tokenizer_args": {"model_max_length": 16}}, "tokenizer_args.model_max_length"),
        ("config_sentence_transformers.json", {"document_length": 10, "query_length": 4}, "document_length"),
        ("artifact.metadata", {"doc_maxlen": 10, "query_maxlen": 4}, "doc_maxlen"),
        ("preprocessor_config.json", {"max_seq_length": 16}, "max_seq_length"),
        ("processor_config.json", {"text_kwargs": {"max_length": 16}}, "text_kwargs.max_length"),
    ],
)
def test_documents_may_be_as_long_as_the_table(bert, name, content, field):
    (bert / name).write_text(json.dumps(content))
    plan = plan_extension(bert, 32)
    assert [(c.name, c.after) for c in plan.fields if c.file.name == name] == [(field, 32)]


def test_a_colbert_takes_longer_documents(bert, tmp_path):
    (bert / "config_sentence_transformers.json").write_text(json.dumps({"document_length": 16, "query_length": 4}))
    extend_checkpoint(bert, tmp_path / "out", 32)
    new = json.loads((tmp_path / "out/config_sentence_transformers.json").read_text())
    assert new == {"document_length": 32, "query_length": 4}


def test_queries_keep_their_length_unless_the_table_becomes_shorter(bert):
    (bert / "sentence_bert_config.json").write_text(json.dumps({"document_length": 16, "query_length": 10}))
    for length, changes in ((32, [("document_length", 32)]), (8, [("document_length", 8), ("query_length", 8)])):
        plan = plan_extension(bert, length, method="crop" if length == 8 else "auto")
        changed = [(c.name, c.after) for c in plan.fields if c.file.name == "sentence_bert_config.json"]
        assert changed == changes
