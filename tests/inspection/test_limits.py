"""What limits the length of a text: tables and files, the lowest first."""

from posembed import find_tables
from posembed.checkpoint.source import open_checkpoint
from posembed.inspection.limits import length_limits
from posembed.records.card import LengthLimit

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
