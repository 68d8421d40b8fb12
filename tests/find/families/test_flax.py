"""Names of Google's ViT checkpoints."""

import re

import pytest

from posembed.find.families import flax


@pytest.mark.parametrize(
    ("key", "table", "text", "optimizer"),
    [
        ("Transformer/posembed_input/pos_embedding", True, False, False),
        ("params/img/pos_embedding", True, False, False),
        ("params/txt/pos_embedding", True, True, False),
        ("opt/target/Transformer/posembed_input/pos_embedding", True, False, False),
        ("opt/state/param_states/pos_embedding/grad_ema", False, False, True),
        ("opt/0/mu/pos_embedding", True, False, True),
        ("params/img/pos_embedding_scale", False, False, False),
    ],
)
def test_what_a_name_says(key, table, text, optimizer):
    patterns = (flax.FLAX_TABLE, flax.FLAX_TEXT, flax.FLAX_OPTIMIZER)
    assert tuple(bool(re.search(pattern, key)) for pattern in patterns) == (table, text, optimizer)
