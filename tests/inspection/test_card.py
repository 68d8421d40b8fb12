import json

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from posembed import Override
from posembed.checkpoint.source import open_checkpoint
from posembed.errors import InvalidArgumentError
from posembed.inspection import card as module
from posembed.inspection.card import read_card
from posembed.inspection.compare_two import pair_cards
from posembed.inspection.limits import length_limits

POSITION = "embeddings.position_embeddings.weight"
GPT2 = {"model_type": "gpt2", "n_positions": 32, "n_embd": 8}


def numbers(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def test_limits_are_listed_lowest_first(bert):
    (bert / "sentence_bert_config.json").write_text('{"max_seq_length": 14}')
    found = [(each.limit, each.what) for each in read_card(bert).limits]
    assert found == [
        (12, "tokenizer.json: truncation.max_length"),
        (14, "sentence_bert_config.json: max_seq_length"),
        (16, POSITION),
        (16, "tokenizer_config.json: model_max_length"),
    ]
    (bert / "tokenizer_config.json").write_text('{"model_max_length": 1e30}')
    assert len(read_card(bert).limits) == 3
    checkpoint = open_checkpoint(bert / "model.safetensors")
    assert [each.limit for each in length_limits(checkpoint, module.find_tables(checkpoint))] == [16]


def test_depths(bert):
    cards = {depth: read_card(bert, depth=depth) for depth in ("none", "brief", "full", "views")}
    assert next(each.table.key for each in cards["full"].tables) == POSITION
    first = {depth: card.tables[0] for depth, card in cards.items()}
    assert (first["none"].analysis, first["none"].rows) == (None, None)
    assert set(first["brief"].analysis) >= {"norm", "effective_rank", "trained_range"}
    assert first["full"].analysis["schema"] == "posembed.analysis"
    assert first["full"].views is None
    assert first["views"].views.heat_map.values.shape == (16, 16)
    refused = cards["views"].tables[1]
    assert (refused.analysis, refused.views, refused.not_measured) == (None, None, None)
    json.dumps(cards["views"].to_dict(), allow_nan=False)


def test_rows_are_measured_as_the_layout_says(write):
    table = numbers(34, 8)
    folder = write(
        {"roberta." + POSITION: table},
        config={"model_type": "roberta", "max_position_embeddings": 34, "pad_token_id": 1},
    )
    analysis = read_card(folder).tables[0].analysis
    assert analysis["layout"]["reserved"] == 2
    np.testing.assert_allclose(analysis["profile"]["norm"], np.linalg.norm(table.astype(float), axis=1))
    said = read_card(folder, override=Override("roberta." + POSITION, reserved=4), keys=["roberta." + POSITION])
    assert said.tables[0].analysis["layout"]["reserved"] == 4


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_halves_are_measured(tmp_path, dtype):
    file = tmp_path / "model.safetensors"
    rows = numbers(32, 8).astype(dtype)
    save_file({"wpe.weight": rows}, file)
    norms = read_card(file, depth="brief").tables[0].analysis["norm"]
    np.testing.assert_allclose(norms, np.linalg.norm(rows.astype(float), axis=1))


def test_a_table_that_cannot_be_measured_is_a_finding(write):
    table = numbers(32, 8)
    table[7, 2] = np.nan
    for depth in ("brief", "views"):
        (card,) = read_card(write({"wpe.weight": table}, config=GPT2), depth=depth).tables
        assert card.analysis is None
        assert "row 7 is the first of 1 such rows" in card.not_measured


def test_large_tables_are_measured_on_some_dimensions(write, monkeypatch):
    monkeypatch.setattr(module, "MOST_NUMBERS", 100)
    table = numbers(32, 8)
    (card,) = read_card(write({"wpe.weight": table}, config=GPT2)).tables
    assert card.analysis["d_model"] == 3
    assert card.analysis["notes"][0] == "the table is large: one in 3 of its 8 dimensions is measured"
    np.testing.assert_allclose(
        card.analysis["profile"]["norm"], np.linalg.norm(table[:, ::3].astype(float), axis=1), rtol=1e-6
    )


def test_a_table_a_layer(write):
    config = {"model_type": "yolos", "image_size": [16, 16], "patch_size": 4, "num_detection_tokens": 3}
    folder = write({"vit.encoder.mid_position_embeddings": (2, 1, 20, 8)}, config=config)
    (card,) = (each for each in read_card(folder).tables if each.table.refused is None)
    assert card.analysis["notes"][0] == "the tensor holds 2 tables, one a layer; the first is measured"


def test_keys_must_be_there(bert):
    with pytest.raises(InvalidArgumentError, match="--table nope: no position table or look-alike has that name"):
        read_card(bert, keys=["nope"])


def test_tables_of_one_name_are_paired(write):
    one = write({"wpe.weight": numbers(32, 8), "x.wpe.weight": (32, 8)}, "one", config=GPT2)
    two = write({"wpe.weight": np.tile(numbers(32, 8), (2, 1))}, "two", config=GPT2 | {"n_positions": 64})
    pair = pair_cards(read_card(one), read_card(two))
    ((first, second, found),) = pair.pairs
    assert (first.table.key, second.table.key, found.equal_from_start) == ("wpe.weight", "wpe.weight", 32)
    assert pair.alone == (("x.wpe.weight",), ())
    plain = json.loads(json.dumps(pair.to_dict(), allow_nan=False))
    assert plain["pairs"][0]["equal_positions"] == 32
    assert plain["alone"] == {"first": ["x.wpe.weight"], "second": []}


def test_tables_of_two_names_are_paired_where_each_is_alone(write, bert):
    other = write({"transformer.wpe.weight": (32, 8)}, "other", config=GPT2)
    ((first, second, _),) = pair_cards(read_card(bert), read_card(other)).pairs
    assert (first.table.key, second.table.key) == (POSITION, "transformer.wpe.weight")


def test_nothing_to_pair(write, bert):
    empty = write({"dense.weight": (4, 4)}, "empty")
    with pytest.raises(InvalidArgumentError, match="have no position tables to lay side by side"):
        pair_cards(read_card(bert), read_card(empty))


def test_a_pair_with_a_table_that_cannot_be_measured(write):
    broken = numbers(32, 8)
    broken[0] = np.inf
    one, two = (write({"wpe.weight": t}, n, config=GPT2) for n, t in (("one", broken), ("two", numbers(32, 8))))
    plain = pair_cards(read_card(one), read_card(two)).to_dict()["pairs"][0]
    assert plain["positions"] == 0
    assert plain["row_cosine"] is None
    assert "row 0 is the first of 1 such rows" in plain["remarks"][0]
