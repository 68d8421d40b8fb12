"""Tables of distances, whose number of rows follows from the positions or patches that another table has."""

import pytest

from posembed.checkpoint.tensors import StoredTensor
from posembed.find.config import nodes
from posembed.find.distances import distance_fields, is_distances
from posembed.find.found import FieldRule

BERT = {"max_position_embeddings": 16}
BEIT = {"image_size": 32, "patch_size": 8}


@pytest.mark.parametrize(
    ("key", "rows", "config", "field"),
    [
        ("layer.0.attention.self.distance_embedding.weight", 31, BERT, "max_position_embeddings"),
        ("layer.0.attention.self.distance_embedding.weight", 32, BERT, None),
        ("encoder.rel_embeddings.weight", 32, BERT, None),  # DeBERTa's keep their number
        ("x.relative_position_bias_table", 7 * 7 + 3, BEIT, "image_size"),
        ("x.relative_position_bias_table", 7 * 7, BEIT, "image_size"),
        ("x.rel_pos_h", 7, BEIT, None),  # a rule for buffers changes these
        ("x.relative_attention_bias.weight", 31, BERT, None),  # buckets, whose number happens to fit
        ("x.relative_position_bias_table", 53, BEIT, None),
        ("text.distance_embedding.weight", 31, {"text_config": BERT, "vision_config": BERT},
         "text_config.max_position_embeddings"),
    ],
)  # fmt: skip
def test_the_field_that_sizes_it(key, rows, config, field):
    found = distance_fields(StoredTensor(key, (rows, 4), "F32", None), nodes(config))
    assert found == (() if field is None else (FieldRule(field, "distances"),))


def test_other_shapes_say_nothing():
    assert distance_fields(StoredTensor("distance_embedding.weight", (1, 31, 4), "F32", None), nodes(BERT)) == ()


def test_names():
    assert is_distances("encoder.layer.3.attention.self.distance_embedding.weight")
    assert not is_distances("encoder.rel_embeddings.weight")
