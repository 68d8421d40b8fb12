"""What names alone say: which tensors are considered, and which only sound like position tables."""

import re

import pytest

from posembed.find import families


@pytest.mark.parametrize(
    ("key", "considered"),
    [
        ("embeddings.position_embeddings.weight", True),
        ("wpe.weight", True),
        ("transformer.wpe.weight", True),
        ("visual.positional_embedding", True),
        ("pos_embed", True),
        ("blocks.0.pos_embed.weight", True),
        ("encoder.row_embedder.weight", True),
        ("embed_timestep.weight", True),
        ("embeddings.word_embeddings.weight", False),
        ("layers.0.post_attention_layernorm.weight", False),
        ("encoder.composer.weight", False),
        ("deposit.weight", False),
    ],
)
def test_only_whole_words_of_position_are_considered(key, considered):
    assert bool(re.search(families.POSITION_WORD, key)) is considered


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("TOKEN_TYPE", ["embeddings.token_type_embeddings.weight", "segment_embedding.weight"], ["type.weight"]),
        ("NOT_A_TABLE", ["pos_proj.weight", "position.bias", "pos_embed.layers.0.weight"], ["pos_embed.weight"]),
        ("AXIS", ["x_position_embeddings.weight", "row_embeddings.weight", "pos_embed_y"], ["max_position.weight"]),
        ("TIME", ["temporal_embed", "embed_timestep.weight", "mit.position_embedding"], ["submit.position"]),
        ("WINDOW", ["pos_embed_win", "backbone.pos_embed_window"], ["pos_embed_window.weight"]),
        ("BLOCKS", ["levels.0.pos_embed"], ["levels.pos_embed"]),
        ("IMAGE_WORD", ["vision_tower.pos", "model.visual.pos", "vit.pos", "patch_pos"], ["revision.pos", "text.pos"]),
        ("TEXT_WORD", ["text_model.pos", "decoder.pos", "transformer.wpe"], ["context.pos", "vision.pos"]),
        ("CONVENTIONAL", ["wpe.weight", "pos_embed", "pos_embed_2", "embed_positions.weight"], ["my_positions.weight"]),
        ("TEXT_TABLE", ["wpe.weight", "positional_embedding"], ["position_embeddings.weight", "pos_embed"]),
        ("EXTRA_TOKEN", ["cls_token", "class_embedding", "reg_token", "dist_token_0"], ["mask_token", "cls_head"]),
        ("PATCH_KERNEL", ["patch_embed.proj.weight", "patch_embed.backbone.conv1.weight"], ["embed.proj.weight"]),
        ("ATTENTION_POOL", ["visual.attnpool.positional_embedding", "head.pos_embed"], ["visual.positional_embedding"]),
    ],
)
def test_patterns(pattern, yes, no):
    for key in yes:
        assert re.search(getattr(families, pattern), key), key
    for key in no:
        assert not re.search(getattr(families, pattern), key), key


@pytest.mark.parametrize("law", [*families.LOOK_ALIKES, *families.SINUSOIDS])
def test_keys_are_patterns_and_reasons_are_sentences_without_a_stop(law):
    re.compile(law.key)
    assert len(law.reason) > 15
    assert not law.reason.endswith(".")


def test_a_look_alike_is_one_in_every_family_and_whatever_its_values():
    for law in families.LOOK_ALIKES:
        assert (law.families, law.values_decide) == (("*",), False)


def test_words_of_modalities_are_said_once():
    words = [word for known in families.MODALITIES.values() for word in known]
    assert len(words) == len(set(words))
    assert all(name in known for name, known in families.MODALITIES.items())
    assert families.UMBRELLA_WORDS.isdisjoint(words)
