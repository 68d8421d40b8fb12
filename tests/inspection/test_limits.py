"""What limits the length of a text: tables and files, the lowest first."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from posembed import find_tables
from posembed.checkpoint.source import open_checkpoint
from posembed.inspection.limits import length_limits
from posembed.records.card import LengthLimit
from posembed.tables.formulas import Formula

POSITION = "embeddings.position_embeddings.weight"


def limits_of(path):
    checkpoint = open_checkpoint(path)
    return length_limits(checkpoint, find_tables(checkpoint))


def test_limits_are_listed_lowest_first(bert):
    (bert / "sentence_bert_config.json").write_text('{"max_seq_length": 14}')
    assert [(each.limit, each.what) for each in limits_of(bert)] == [
        (12, "tokenizer.json: truncation.max_length"),
        (14, "sentence_bert_config.json: max_seq_length"),
        (16, POSITION),
        (16, "tokenizer_config.json: model_max_length"),
    ]


@pytest.mark.parametrize(
    ("file", "fields"),
    [
        ("sentence_bert_config.json", ("query_length", "document_length")),
        ("config_sentence_transformers.json", ("query_length", "document_length")),
        ("artifact.metadata", ("query_maxlen", "doc_maxlen")),
    ],
)
def test_queries_and_documents_of_multi_vector_models(file, fields, bert):
    (bert / file).write_text(json.dumps(dict(zip(fields, (4, 11), strict=True))))
    queries, documents = limits_of(bert)[:2]
    assert (queries.limit, queries.what, queries.of_queries) == (4, f"{file}: {fields[0]}", True)
    assert (documents.limit, documents.what, documents.of_queries) == (11, f"{file}: {fields[1]}", False)
    assert (queries.why, documents.why) == ("queries are truncated to it", "documents are truncated to it")


def test_each_limit_says_what_happens_there(bert):
    assert LengthLimit(16, POSITION, "the table has no row for a later position") in limits_of(bert)
    why = {each.what: each.why for each in limits_of(bert)}
    assert why["tokenizer.json: truncation.max_length"] == "the tokenizer truncates silently"
    assert "truncates (if asked to)" in why["tokenizer_config.json: model_max_length"]


def test_a_tokenizer_without_a_limit_has_none(bert):
    """Transformers writes 1e30 where nothing is known."""
    (bert / "tokenizer_config.json").write_text('{"model_max_length": 1e30}')
    assert [each.limit for each in limits_of(bert)] == [12, 16]


def test_a_file_alone_is_limited_by_its_table(bert):
    assert [each.limit for each in limits_of(bert / "model.safetensors")] == [16]


def test_images_and_look_alikes_do_not_limit_a_text(write):
    source = write(
        {"embeddings.position_embeddings": (1, 17, 8), "embeddings.token_type_embeddings.weight": (2, 8)},
        config={"model_type": "vit", "image_size": 32, "patch_size": 8},
    )
    assert limits_of(source) == []


def test_tables_that_are_not_read_do_not_limit_a_text(write):
    config = {"model_type": "esm", "max_position_embeddings": 16, "position_embedding_type": "rotary"}
    assert limits_of(write({POSITION: (16, 8)}, config=config)) == []


def test_distances_limit_a_text_once_for_all_layers(write):
    config = {"model_type": "bert", "max_position_embeddings": 16, "position_embedding_type": "relative_key"}
    layers = {f"encoder.layer.{n}.attention.self.distance_embedding.weight": (31, 4) for n in range(3)}
    (limit,) = limits_of(write({POSITION: (16, 8)} | layers, config=config))
    assert (limit.limit, limit.what) == (16, next(iter(layers)))
    assert limit.why == "the table of distances has no row for a longer distance"


@pytest.mark.parametrize(("config", "limit"), [
    ({"model_type": "marian", "max_position_embeddings": 16}, 16),
    ({"model_type": "fsmt", "max_position_embeddings": 16}, None),  # its module computes more rows by itself
    ({"model_type": "whisper", "max_source_positions": 16}, None),  # sounds
])  # fmt: skip
def test_a_sinusoid_over_tokens_limits_a_text(config, limit, tmp_path):
    key = "model.encoder.embed_positions.weight"
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file({key: Formula("half").rows(16, 8).astype(np.float32)}, tmp_path / "model.safetensors")
    assert [each.limit for each in limits_of(tmp_path)] == ([] if limit is None else [limit])
