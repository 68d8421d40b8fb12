"""What is found in the default sizes of real architectures, against what their models were seen to do.

``census_defaults.json`` holds configurations of Transformers and the meaning of each tensor as the census saw it in the
behavior of the models (``python -m benchmarks.census.defaults``). No law of posembed goes into it.
"""

import json
from pathlib import Path

import pytest

from posembed.checkpoint.tensors import StoredTensor
from posembed.find.search import find_in

CENSUS = json.loads(Path(__file__).with_name("census_defaults.json").read_text(encoding="utf-8"))
# Tables that the census calls grids, by the places that read a row; find names how they are used.
OTHER_NAMES = {"pos_embed_window": "window", "mit.position_embedding": "time", "vivit": "time"}
# Audio encoders: sinusoids by family, though some checkpoints train them; values decide where they can be read.
SINUSOIDS = "embed_positions.weight"
# Tensors that the census found unread, or read by other inputs than it gave.
OPEN = {
    ("cohere_asr", "transf_decoder._embedding.position_embedding.pos_enc"),
    ("florence2", "multi_modal_projector.visual_temporal_embed.pos_idx_to_embed"),
    ("videoprism", "text_model.embeddings.position_embedding"),
    ("videoprism_text_model", "embeddings.position_embedding"),
    ("visual_bert", "embeddings.visual_position_embeddings.weight"),
}
# Tables that the census saw a part of the model read, called by itself; in the model, all positions are 0.
READ_BY_A_PART = {("decision_transformer", "encoder.wpe.weight")}


def found_in(architecture):
    shapes = {key: table["shape"] for key, table in architecture["tables"].items()} | architecture["not_tables"]
    tensors = {key: StoredTensor(key, tuple(shape), "F32", Path("f")) for key, shape in shapes.items()}
    return {table.key: table for table in find_in(tensors, architecture["config"])}


@pytest.mark.parametrize("model_type", CENSUS)
def test_tables_of_an_architecture(model_type):
    architecture = CENSUS[model_type]
    found = found_in(architecture)
    for key, seen in architecture["tables"].items():
        table = found[key]
        if seen["kind"] == "time" and key.endswith(SINUSOIDS):
            assert "sinusoid" in table.refused
            continue
        assert (table.refused, table.uncertain) == (None, False)
        assert (table.unused is None) is ((model_type, key) not in READ_BY_A_PART)
        names = [kind for name, kind in OTHER_NAMES.items() if name in key or name == model_type]
        assert table.kind == (names[0] if names else seen["kind"])
        if seen["kind"] == "sequence" or (seen["kind"] == "grid" and not names):
            for name in ("reserved", "prefix", "suffix"):
                assert getattr(table.layout, name) == (seen[name] or 0), name
    for key in architecture["not_tables"]:
        if (model_type, key) not in OPEN:
            assert key not in found or found[key].refused is not None


def test_the_census_is_large():
    tables = [table for architecture in CENSUS.values() for table in architecture["tables"].values()]
    assert len(tables) > 250
    assert {table["kind"] for table in tables} >= {"sequence", "grid", "axis", "time"}
