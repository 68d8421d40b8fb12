"""Parts of a configuration, which of them governs a tensor, and how fields are read."""

import pytest

from posembed.find.config import affinity, nodes, number, pair


def test_nodes_are_all_sub_configurations_outermost_first():
    tree = nodes(
        {"model_type": "clip", "text_config": {"model_type": "t", "inner": {"a": 1}}, "vision_config": {"b": 2}}
    )
    assert [(node.path, node.model_type) for node in tree] == [
        ((), "clip"),
        (("text_config",), "t"),
        (("text_config", "inner"), "t"),
        (("vision_config",), "clip"),
    ]
    assert tree[2].dotted("a") == "text_config.inner.a"


def test_a_sub_configuration_fits_the_keys_of_its_modality():
    text, vision, audio = (nodes({name: {"a": 1}})[1] for name in ("text_config", "vision_config", "audio_config"))
    for key, best in (
        ("text_model.embeddings.position_embedding.weight", text),
        ("model.language_model.wpe.weight", text),
        ("model.vision_tower.embeddings.position_embedding.weight", vision),
        ("visual.positional_embedding", vision),
        ("audio_tower.embed_positions.weight", audio),
    ):
        assert max((text, vision, audio), key=lambda node: affinity(key, node)) is best


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3), (0, 0), (-1, -1), (True, None), (3.0, None), ("3", None), (None, None), ([3], None), (10**400, 10**400)],
)
def test_number(value, expected):
    assert number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (224, (224, 224)),
        ([224, 384], (224, 384)),
        ((224, 384), (224, 384)),
        ([3, 224, 384], (224, 384)),
        ([224], (224, 224)),
        ({"height": 224, "width": 384}, (224, 384)),
        ({"shortest_edge": 224}, None),
        ({}, None),
        ([], None),
        ([224, None], None),
        ([224, 2.0], None),
        ([[2], 3], None),
        ("224", None),
        (True, None),
        (None, None),
    ],
)
def test_pair(value, expected):
    assert pair(value) == expected
