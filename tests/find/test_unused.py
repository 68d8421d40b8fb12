"""Which tables no code reads, by configurations alone; families/test_switches_real_models.py runs the models."""

import pytest

from posembed.checkpoint.tensors import StoredTensor
from posembed.find.search import find_in

WORDS = "embeddings.position_embeddings.weight"
DISTANCE = "encoder.layer.0.attention.self.distance_embedding.weight"


def unused(config, key=WORDS, shape=(16, 8), *more):
    tensors = {name: StoredTensor(name, size, "F32", None) for name, size in ((key, shape), *more)}
    return next(table for table in find_in(tensors, config) if table.key == key).unused


def bert(kind, model_type="bert", **more):
    return {"model_type": model_type, "max_position_embeddings": 16, "position_embedding_type": kind} | more


@pytest.mark.parametrize("model_type", ["bert", "roberta", "xlm-roberta", "electra", "layoutlm"])
@pytest.mark.parametrize("kind", ["relative_key", "relative_key_query"])
def test_distances_replace_the_table(model_type, kind):
    """Transformers 4 read no absolute table then; 5 has no distances, and reads the table whatever the field says."""
    config = bert(kind, model_type)
    assert unused(config) is None
    reason = unused(config, WORDS, (16, 8), (DISTANCE, (31, 4)))
    assert reason == f"position_embedding_type = {kind!r}, so the model does not read this table"
    assert unused(bert("absolute", model_type), WORDS, (16, 8), (DISTANCE, (31, 4))) is None


def test_code_of_its_own_may_read_the_field():
    assert unused(bert("rotary")) is None
    assert unused(bert("rotary", auto_map={"AutoModel": "modeling.Model"})) is not None
    assert unused(bert("rope", "new")) is not None
    assert unused(bert("absolute", "new")) is None
    assert unused({"model_type": "new", "max_position_embeddings": 16}) is None


ESM = {"model_type": "esm", "max_position_embeddings": 16}
VITDET = {"model_type": "vitdet", "pretrain_image_size": 32, "patch_size": 8}
BEIT = {"model_type": "beit", "image_size": 32, "patch_size": 8}


@pytest.mark.parametrize(
    ("config", "key", "shape", "read"),
    [
        (ESM | {"position_embedding_type": None}, WORDS, (16, 8), False),
        (ESM | {"max_position_embeddings": 4096, "position_embedding_type": "rotary"}, WORDS, (16, 8), False),
        (ESM, WORDS, (16, 8), True),
        ({"model_type": "deberta-v2", "max_position_embeddings": 16}, WORDS, (16, 8), True),
        (VITDET, "embeddings.position_embeddings", (1, 17, 8), True),
        (VITDET | {"use_absolute_position_embeddings": False}, "embeddings.position_embeddings", (1, 17, 8), False),
        (BEIT, "embeddings.position_embeddings", (1, 17, 8), False),
        ({"model_type": "trocr", "max_position_embeddings": 16, "use_learned_position_embeddings": False},
         "model.decoder.embed_positions.weight", (18, 8), False),
        ({"model_type": "trocr", "max_position_embeddings": 16}, "model.decoder.embed_positions.weight", (18, 8), True),
        ({"architecture": "beit_base", "pretrained_cfg": {"input_size": [3, 32, 32]}, "model_args": {}},
         "pos_embed", (1, 17, 8), True),
        ({"model_type": "paddleocr_vl", "vision_config": {"model_type": "paddleocr_vl_vision", "image_size": 32}},
         "visual.vision_model.embeddings.packing_position_embedding.weight", (64, 8), False),
        ({"model_type": "grounding-dino", "backbone_config": {"model_type": "swin"}},
         "backbone.position_embedding.row_embeddings.weight", (50, 8), False),
        ({"model_type": "detr", "position_embedding_type": "learned"},
         "backbone.position_embedding.row_embeddings.weight", (50, 8), True),
        ({"model_type": "yolos", "use_mid_position_embeddings": False},
         "encoder.interpolation.mid_position_embeddings", (2, 1, 17, 8), False),
        ({"model_type": "reformer", "max_position_embeddings": 16},
         "embeddings.position_embeddings.embedding.weight", (16, 8), False),
        ({"model_type": "decision_transformer", "n_positions": 16}, "encoder.wpe.weight", (16, 8), False),
        ({"model_type": "decision_transformer", "n_positions": 16}, "wpe.weight", (16, 8), True),
        ({"model_type": "gpt2", "n_positions": 16}, "encoder.wpe.weight", (16, 8), True),
    ],
)  # fmt: skip
def test_families(config, key, shape, read):
    assert (unused(config, key, shape) is None) is read


def test_the_part_that_governs_the_table_decides():
    vision = {"model_type": "sam_vision_model", "image_size": 32, "patch_size": 8, "use_abs_pos": False}
    config = {"model_type": "sam", "use_abs_pos": True, "vision_config": vision}
    reason = unused(config, "vision_encoder.pos_embed", (1, 4, 4, 8))
    assert reason == "vision_config.use_abs_pos = False, so the model does not read this table"


def test_a_default_is_said_to_be_one():
    config = {"model_type": "swin", "image_size": 32, "patch_size": 4}
    reason = unused(config, "embeddings.position_embeddings", (1, 64, 8))
    assert reason == "use_absolute_embeddings = False (the default), so the model does not read this table"


def test_the_evidence_says_it_too():
    tensors = {WORDS: StoredTensor(WORDS, (16, 8), "F32", None)}
    (table,) = find_in(tensors, bert("rotary", "esm"))
    assert table.evidence[-1] == table.unused == table.to_dict()["unused"]
    assert (table.refused, table.kind, table.usable_length) == (None, "sequence", 14)
    assert not table.is_text_sequence
    assert not table.limits_text
