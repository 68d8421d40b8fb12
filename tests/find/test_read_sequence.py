"""Which row the first position of a sequence table has, and why."""

import pytest

from posembed import TableLayout
from posembed.find import families
from tests.fixtures.tensors import found_as

POSITION = "embeddings.position_embeddings.weight"


def read(config, rows, key=POSITION):
    table = found_as(config, key, (rows, 8))
    return table.layout.reserved, table.uncertain, table.evidence[-1]


@pytest.mark.parametrize(
    ("pad", "rows", "reserved", "uncertain"),
    [
        (1, 514, 2, True),  # 512 + pad + 1, but nothing in the key speaks of RoBERTa
        (2, 515, 3, True),
        (3, 516, 4, True),
        (4, 517, 0, False),  # no tokenizer in use has its pad beyond 3
        (0, 513, 0, False),
        (1, 66, 2, True),
        (1, 130, 2, True),
        (1, 513, 0, False),
        (1, 515, 0, False),
        (2, 514, 0, False),
        (-1, 512, 0, False),
        (None, 513, 0, False),
        (None, 514, 0, False),  # a pad that is not said is not taken to be 1
        (0, 514, 0, False),
    ],
)
def test_a_round_number_and_the_pad(pad, rows, reserved, uncertain):
    config = {"model_type": "new", "max_position_embeddings": rows, "pad_token_id": pad}
    assert read(config, rows)[:2] == (reserved, uncertain)


def test_the_pad_of_a_short_table_proves_nothing():
    config = {"model_type": "new", "pad_token_id": 1}
    for rows, reserved in ((2, 0), (66, 2)):  # 2 = 0 · 64 + 2 as well, but no position would be left
        assert read(config | {"max_position_embeddings": rows}, rows)[0] == reserved


def test_robertas_own_names_make_it_certain():
    config = {"model_type": "new", "max_position_embeddings": 514, "pad_token_id": 1}
    reserved, uncertain, why = read(config, 514, "roberta.position_embedding_table")
    assert (reserved, uncertain) == (2, False)
    assert why == "reserved 2: 514 = 512 + pad_token_id + 1, as in the RoBERTa family"


@pytest.mark.parametrize(
    ("field", "rows", "reserved", "uncertain"),
    [
        ("max_position_embeddings", 40, 0, False),
        ("max_position_embeddings", 42, 2, False),  # fairseq's two
        ("my_max_len", 40, 0, False),
        ("my_max_len", 41, 1, True),  # one row beyond the field: where it stands is a guess
        ("my_max_len", 42, 2, False),
    ],
)
def test_rows_beyond_the_field(field, rows, reserved, uncertain):
    assert read({"model_type": "new", field: 40}, rows, "core.position_embedding_table")[:2] == (reserved, uncertain)


@pytest.mark.parametrize(
    ("key", "field", "uncertain"),
    [
        ("core.position_embeddings.weight", "my_max_len", False),
        ("core.my_positions.weight", "max_position_embeddings", False),
        ("core.my_positions.weight", "my_max_len", True),  # neither the name nor the field is a usual one
    ],
)
def test_an_unusual_name_and_an_unusual_field_are_a_guess(key, field, uncertain):
    assert read({"model_type": "new", field: 40}, 40, key)[1] is uncertain


@pytest.mark.parametrize(
    ("family", "pad", "reserved"),
    [
        ("roberta", 0, 1),
        ("roberta", None, 2),
        ("prophetnet", None, 1),
        ("prophetnet", 3, 4),
        ("lilt", None, 1),
        ("mpnet", 7, 2),
        ("luke", 1, 2),
    ],
)
def test_offsets(family, pad, reserved):
    config = {"model_type": family, "max_position_embeddings": 40, "pad_token_id": pad}
    config = {name: value for name, value in config.items() if value is not None}
    assert read(config, 40)[:2] == (reserved, False)


@pytest.mark.parametrize(("pad", "open_"), [(38, False), (39, True), (40, True), (-1, False), (-2, True)])
def test_a_pad_that_leaves_no_position_is_not_believed(pad, open_):
    config = {"model_type": "roberta", "max_position_embeddings": 40, "pad_token_id": pad}
    reserved, uncertain, why = read(config, 40)
    assert uncertain is open_
    assert reserved == (0 if open_ else pad + 1)
    assert ("cannot be a row of 40" in why) is open_


def test_the_pad_may_stand_at_the_root():
    config = {"model_type": "roberta", "pad_token_id": 4, "text_config": {"max_position_embeddings": 40}}
    assert read(config, 40, "text_model.position_embeddings.weight")[0] == 5
    config["text_config"]["pad_token_id"] = 0
    assert read(config, 40, "text_model.position_embeddings.weight")[0] == 1


def test_the_family_of_the_root_counts_too():
    config = {"model_type": "roberta", "text_config": {"model_type": "part", "max_position_embeddings": 40}}
    assert read(config, 40, "text_model.position_embeddings.weight")[0] == 2


@pytest.mark.parametrize(("rows", "reserved"), [(42, 2), (40, 0)])
def test_fairseqs_rule_for_any_family_needs_the_two_rows(rows, reserved):
    config = {"model_type": "new", "max_position_embeddings": 40}
    assert read(config, rows, "encoder.embed_positions.weight")[:2] == (reserved, False)


def test_a_rule_that_does_not_fit_leaves_the_word_to_the_next(monkeypatch):
    law = families.Offset(("new",), 3, "NewEmbeddings adds 3", key="embed_positions")
    monkeypatch.setattr(families, "OFFSETS", (*families.OFFSETS, law))
    config = {"model_type": "new", "max_position_embeddings": 40}
    assert read(config, 40, "encoder.embed_positions.weight")[0] == 3
    assert read(config, 42, "encoder.embed_positions.weight")[0] == 2


def test_fields_follow_the_table():
    table = found_as({"model_type": "new", "text_config": {"max_position_embeddings": 40}}, POSITION, (42, 8))
    (rule,) = table.fields
    assert (rule.name, rule.unit, rule.amount) == ("text_config.max_position_embeddings", "rows", (2, 0))
    assert table.evidence[1] == "rows 42 = text_config.max_position_embeddings + 2"


@pytest.mark.parametrize(("side", "ahead"), [("decoder", 1), ("encoder", 0)])
def test_looking_ahead(side, ahead):
    config = {"model_type": "prophetnet", "max_position_embeddings": 40, "pad_token_id": 0}
    table = found_as(config, f"{side}.position_embeddings.weight", (40, 8))
    assert (table.look_ahead, table.usable_length) == (ahead, 39 - ahead)
    assert ("1 row is for looking ahead" in table.evidence) is bool(ahead)
    assert found_as(config | {"model_type": "bert"}, f"{side}.position_embeddings.weight", (40, 8)).look_ahead == 0


# --- coordinates and time steps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "shape", "kind", "first"),
    [
        ("layout.x_position_embeddings.weight", (64, 8), "axis", "named like a table of coordinates"),
        ("vision.row_embeddings.weight", (64, 8), "axis", "named like a table of coordinates"),
        ("pos_embed_x", (1, 64, 8), "axis", "named like a table of coordinates"),
        ("core.pos_embed", (2, 5, 8), "axis", "named like a table of coordinates"),  # two tables, not a grid of 2 rows
        ("core.temporal_pos_embed", (64, 8), "time", "named like a table of time steps"),
        ("embed_timestep.weight", (64, 8), "time", "named like a table of time steps"),
    ],
)
def test_every_row_is_a_position(key, shape, kind, first):
    table = found_as({"model_type": "new", "n_steps": 7}, key, shape)
    rows = 5 if shape[0] == 2 else 64
    assert (table.kind, table.layout, table.fields) == (kind, TableLayout(length=rows), ())
    assert (table.family, table.evidence) == ("new", (f"{first}: {key}",))


def test_a_field_may_count_coordinates():
    config = {"model_type": "outer", "text_config": {"model_type": "layoutlm", "max_2d_position_embeddings": 62}}
    table = found_as(config, "layout.x_position_embeddings.weight", (64, 8))
    assert (table.family, table.layout) == ("layoutlm", TableLayout(length=64))
    assert table.evidence[1] == "rows 64 = text_config.max_2d_position_embeddings + 2"
    assert [(rule.name, rule.amount) for rule in table.fields] == [("text_config.max_2d_position_embeddings", (2, 0))]
