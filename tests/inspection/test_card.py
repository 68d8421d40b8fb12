import json

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from posembed import Override, find_tables
from posembed.checkpoint.source import open_checkpoint
from posembed.inspection import card as module
from posembed.inspection.card import measure_checkpoint, thinned
from posembed.records.inspect import InspectOptions

POSITION = "embeddings.position_embeddings.weight"
GPT2 = {"model_type": "gpt2", "n_positions": 32, "n_embd": 8}


def numbers(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def read_card(path, **options):
    return measure_checkpoint(path, InspectOptions(**options)).card


def test_depths(bert):
    cards = {depth: read_card(bert, depth=depth) for depth in ("brief", "full", "views")}
    assert [each.key for each in cards["full"].position_tables] == [POSITION]
    first = {depth: card.tables[0] for depth, card in cards.items()}
    assert set(first["brief"].to_dict()["analysis"]) >= {"norm", "effective_rank", "trained_range"}
    assert first["full"].to_dict()["analysis"]["schema"] == "posembed.analysis"
    assert first["full"].views is None
    assert first["views"].views.heat_map.values.shape == (16, 16)
    (refused,) = cards["views"].look_alikes
    assert (refused.analysis, refused.views, refused.not_measured) == (None, None, None)
    json.dumps(cards["views"].to_dict(), allow_nan=False)


def test_headers_alone(bert):
    measured = measure_checkpoint(bert, InspectOptions(values=False))
    assert [(each.card.analysis, each.rows) for each in measured.tables] == [(None, None)] * 2
    assert len(measured.card.limits) == 3


def test_a_card_says_what_was_found(bert):
    for card, table in zip(read_card(bert, values=False).tables, find_tables(bert), strict=True):
        plain = card.to_dict()
        assert {name: plain.pop(name) for name in table.to_dict()} == table.to_dict()
        assert plain == {"analysis": None, "not_measured": None}


def test_an_opened_checkpoint_is_not_opened_again(bert, monkeypatch):
    checkpoint = open_checkpoint(bert)
    monkeypatch.setattr("posembed.checkpoint.source._opened", None)
    assert read_card(checkpoint, values=False).checkpoint == str(bert)


def test_rows_are_measured_as_the_layout_says(write):
    table = numbers(34, 8)
    folder = write(
        {"roberta." + POSITION: table},
        config={"model_type": "roberta", "max_position_embeddings": 34, "pad_token_id": 1},
    )
    analysis = read_card(folder).tables[0].to_dict()["analysis"]
    assert analysis["layout"]["reserved"] == 2
    np.testing.assert_allclose(analysis["profile"]["norm"], np.linalg.norm(table.astype(float), axis=1))
    said = read_card(folder, override=Override("roberta." + POSITION, reserved=4), tables=["roberta." + POSITION])
    assert said.tables[0].to_dict()["analysis"]["layout"]["reserved"] == 4


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_halves_are_measured(tmp_path, dtype):
    file = tmp_path / "model.safetensors"
    rows = numbers(32, 8).astype(dtype)
    save_file({"wpe.weight": rows}, file)
    norms = read_card(file, depth="brief").tables[0].to_dict()["analysis"]["norm"]
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
    analysis = card.to_dict()["analysis"]
    assert analysis["d_model"] == 3
    assert analysis["notes"][0] == "the table is large: one in 3 of its 8 dimensions is measured"
    np.testing.assert_allclose(
        analysis["profile"]["norm"], np.linalg.norm(table[:, ::3].astype(float), axis=1), rtol=1e-6
    )


def test_a_table_a_layer(write):
    config = {"model_type": "yolos", "image_size": [16, 16], "patch_size": 4, "num_detection_tokens": 3}
    folder = write({"vit.encoder.mid_position_embeddings": (2, 1, 20, 8)}, config=config)
    (card,) = read_card(folder).position_tables
    assert card.to_dict()["analysis"]["notes"][0] == "the tensor holds 2 tables, one per layer; the first is measured"


def test_every_dimension_of_33_million_numbers_is_measured():
    """One column more, and every second dimension is."""
    one = np.float16(0)
    whole = np.broadcast_to(one, (8192, 4096))
    assert thinned(whole)[0] is whole
    rows, step = thinned(np.broadcast_to(one, (8192, 4097)))
    assert (rows.shape, step) == ((8192, 2049), 2)
