"""The laws themselves: patterns that compile, families that exist, nothing said twice."""

import re
from fnmatch import fnmatchcase

import pytest
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

from posembed.find import families

MODEL_TYPES = set(CONFIG_MAPPING_NAMES)
# Model types of checkpoints on the hub that this version of Transformers knows under another name, or inside another.
ELSEWHERE = {"mluke", "bridgetower_text_model", "xlm-prophetnet"}


def patterns():
    """Every tuple of family patterns in the laws."""
    for law in (
        *families.LOOK_ALIKES,
        *families.SINUSOIDS,
        *families.OFFSETS,
        *families.SUFFIXES,
        *families.LIMITS,
        *families.LOOK_AHEAD,
        *families.RESIZES,
        *families.SHARED_SIZES,
    ):
        yield from law.families
    yield from families.SINUSOID_SWITCHES
    yield from families.OBLONG


@pytest.mark.parametrize("pattern", sorted(p for p in set(patterns()) - ELSEWHERE if not p.startswith("timm")))
def test_every_family_of_a_law_exists(pattern):
    assert any(fnmatchcase(name, pattern) for name in MODEL_TYPES), pattern


@pytest.mark.parametrize("law", [*families.LOOK_ALIKES, *families.SINUSOIDS, *families.OFFSETS, *families.LIMITS])
def test_keys_are_patterns(law):
    re.compile(law.key)


@pytest.mark.parametrize("law", [*families.LOOK_ALIKES, *families.SINUSOIDS])
def test_reasons_are_sentences_without_a_stop(law):
    assert len(law.reason) > 15
    assert not law.reason.endswith(".")


@pytest.mark.parametrize(
    ("key", "looked_at"),
    [
        ("embeddings.position_embeddings.weight", True),
        ("wpe.weight", True),
        ("transformer.wpe.weight", True),
        ("visual.positional_embedding", True),
        ("pos_embed", True),
        ("blocks.0.pos_embed.weight", True),
        ("encoder.row_embedder.weight", True),
        ("embeddings.word_embeddings.weight", False),
        ("layers.0.post_attention_layernorm.weight", False),
        ("encoder.composer.weight", False),
        ("deposit.weight", False),
    ],
)
def test_only_words_of_position_are_looked_at(key, looked_at):
    assert bool(re.search(families.POSITION_WORD, key)) is looked_at


def test_resizes_are_methods_of_grids():
    from posembed.tables.registry import METHODS

    for law in families.RESIZES:
        options = METHODS["grid"][law.mode].options
        assert law.antialias is False or "antialias" in options
        assert law.align_corners is False or "align_corners" in options


def test_length_fields_are_said_once():
    assert len(set(families.LENGTH_FIELDS)) == len(families.LENGTH_FIELDS)
    assert len(set(families.IMAGE_FIELDS)) == len(families.IMAGE_FIELDS)
