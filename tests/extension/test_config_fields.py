"""Limits in tokenizer, processor and generation files: raised where they would cut, left alone where they would not."""

import json

import pytest

from posembed import plan_extension


@pytest.fixture
def changes(bert):
    """Writes one file into a BERT of 16 positions and says what a plan would change in it."""

    def planned(name, content, **options):
        for other in ("tokenizer_config", "tokenizer"):
            (bert / f"{other}.json").unlink(missing_ok=True)
        (bert / f"{name}.json").write_text(json.dumps(content))
        plan = plan_extension(bert, **({"length": 32} | options))
        return [(c.name, c.before, c.after) for c in plan.fields if c.file.name == f"{name}.json"]

    return planned


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("tokenizer_config", {"model_max_length": 16}, [("model_max_length", 16, 32)]),
        (
            "tokenizer_config",
            {"model_max_length": 12, "max_len": 16},
            [("model_max_length", 12, 32), ("max_len", 16, 32)],
        ),
        ("tokenizer_config", {"model_max_length": 64}, []),
        ("tokenizer_config", {"model_max_length": int(1e30)}, []),
        ("tokenizer_config", {}, []),
        ("tokenizer", {"truncation": {"max_length": 8, "stride": 0}}, [("truncation.max_length", 8, 32)]),
        ("tokenizer", {"truncation": None}, []),
        ("tokenizer", {"truncation": {"max_length": 40}}, []),
        ("sentence_bert_config", {"max_seq_length": 16, "do_lower_case": False}, [("max_seq_length", 16, 32)]),
        ("sentence_bert_config", {"max_seq_length": None}, []),
        ("sentence_roberta_config", {"max_seq_length": 16}, [("max_seq_length", 16, 32)]),
        ("generation_config", {"max_length": 16}, [("max_length", 16, 32)]),
        ("generation_config", {"max_length": 10}, []),  # somebody's choice, not the table's limit
        ("generation_config", {"max_new_tokens": 16}, []),
    ],
)
def test_limits_on_tokens(changes, name, content, expected):
    assert changes(name, content) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"model_max_length": 16}, [("model_max_length", 16, 8)]),
        ({"model_max_length": 8}, []),
        ({"model_max_length": 4}, []),
    ],
)
def test_limits_when_the_table_is_cropped(changes, content, expected):
    assert changes("tokenizer_config", content, length=8, method="crop") == expected


def test_roberta_limits_are_usable_positions(write):
    source = write(
        {"embeddings.position_embeddings.weight": (18, 8)},
        config={"model_type": "roberta", "max_position_embeddings": 18, "pad_token_id": 1},
        tokenizer_config={"model_max_length": 16},
        generation_config={"max_length": 18},
    )
    found = {(c.file.name, c.name): c.after for c in plan_extension(source, 32).fields}
    assert found == {
        ("config.json", "max_position_embeddings"): 34,
        ("tokenizer_config.json", "model_max_length"): 32,
        ("generation_config.json", "max_length"): 32,
    }


BOTH = {"height": 32, "width": 32}
WIDE = {"height": 48, "width": 48}


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("preprocessor_config", {"size": 32}, [("size", 32, 48)]),
        ("preprocessor_config", {"size": [32, 32]}, [("size", [32, 32], [48, 48])]),
        ("preprocessor_config", {"size": BOTH}, [("size", BOTH, WIDE)]),
        ("preprocessor_config", {"size": {"shortest_edge": 32}}, [("size", {"shortest_edge": 32},
            {"shortest_edge": 48})]),
        # resized to 36, then cropped to 32: the same margin at the new size
        ("preprocessor_config", {"size": {"shortest_edge": 36}, "crop_size": 32},
         [("crop_size", 32, 48), ("size", {"shortest_edge": 36}, {"shortest_edge": 54})]),
        ("preprocessor_config", {"size": {"shortest_edge": 20}}, []),
        ("preprocessor_config", {"size": {"height": 64, "width": 64}}, []),
        ("preprocessor_config", {"size": {"longest_edge": 32}}, [("size", {"longest_edge": 32}, {"longest_edge": 48})]),
        ("preprocessor_config", {"size": {"longest_edge": 64}}, []),
        ("processor_config", {"image_processor": {"size": BOTH}}, [("image_processor.size", BOTH, WIDE)]),
        ("preprocessor_config", {}, []),
    ],
)  # fmt: skip
def test_image_processors(write, name, content, expected):
    source = write(
        {"embeddings.position_embeddings": (1, 17, 8)},
        **{"config": {"model_type": "vit", "image_size": 32, "patch_size": 8}, name: content},
    )
    plan = plan_extension(source, image_size=48)
    assert [(c.name, c.before, c.after) for c in plan.fields if c.file.name == f"{name}.json"] == expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (32, [48, 32]),
        ([32, 32], [48, 32]),
        ([3, 32, 32], [3, 48, 32]),
        ({"height": 32, "width": 32, "x": 1}, {"height": 48, "width": 32, "x": 1}),
    ],
)
def test_image_sizes_keep_their_form(write, before, after):
    source = write(
        {"embeddings.position_embeddings": (1, 17, 8)},
        config={"model_type": "vit", "image_size": before, "patch_size": 8},
    )
    (change,) = plan_extension(source, image_size=(48, 32)).fields
    assert (change.before, change.after) == (before, after)


@pytest.mark.parametrize(
    ("family", "more", "expected"),
    [
        ("deberta", {"relative_attention": True, "max_relative_positions": -1}, 16),
        ("deberta-v2", {"relative_attention": True}, 16),  # the code's default
        ("deberta", {"relative_attention": True, "max_relative_positions": 4}, None),
        ("deberta", {"relative_attention": False, "max_relative_positions": -1}, None),
        ("bert", {"relative_attention": True, "max_relative_positions": -1}, None),
    ],
)
def test_a_length_that_other_weights_have_is_pinned(write, family, more, expected):
    config = {"model_type": family, "max_position_embeddings": 16, **more}
    source = write({"embeddings.position_embeddings.weight": (16, 8)}, config=config)
    after = {change.name: change.after for change in plan_extension(source, 32).fields}
    assert after == {"max_position_embeddings": 32} | ({} if expected is None else {"max_relative_positions": expected})


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("max_text_positions", 18, 34),
        ("n_ctx", 18, 34),
        ("model_max_length", 16, 32),  # the usable positions
        ("max_seq_length", 12, None),
        ("hidden_size", 18, None),
    ],
)
def test_other_names_of_a_length(write, name, before, after):
    config = {"model_type": "roberta", "max_position_embeddings": 18, "pad_token_id": 1, name: before}
    source = write({"embeddings.position_embeddings.weight": (18, 8)}, config=config)
    changes = {change.name: change.after for change in plan_extension(source, 32).fields}
    assert changes.get(name) == after


SAM = {
    "model_type": "sam",
    "vision_config": {"image_size": 32, "patch_size": 8},
    "prompt_encoder_config": {"image_size": 32, "patch_size": 8, "image_embedding_size": 4},
}


@pytest.mark.parametrize("head", [(), ("inner",), ("a", "b")], ids=str)
def test_parts_that_must_have_one_size(write, head):
    config = SAM
    for name in reversed(head):
        config = {"model_type": "outer", name: config}
    plan = plan_extension(write({"vision_encoder.pos_embed": (1, 4, 4, 8)}, config=config), image_size=64)
    assert {change.name.removeprefix(".".join([*head, ""])): change.after for change in plan.fields} == {
        "vision_config.image_size": 64,
        "prompt_encoder_config.image_size": 64,
        "prompt_encoder_config.image_embedding_size": 8,
    }


def test_a_part_of_another_size_is_left(write):
    config = {**SAM, "prompt_encoder_config": {"image_size": 48, "patch_size": 8, "image_embedding_size": 6}}
    plan = plan_extension(write({"vision_encoder.pos_embed": (1, 4, 4, 8)}, config=config), image_size=64)
    assert [change.name for change in plan.fields] == ["vision_config.image_size"]


def test_the_parts_in_which_other_libraries_prepare_images(write):
    config = {
        "model_cfg": {"vision_cfg": {"image_size": 32, "patch_size": 8}},
        "preprocess_cfg": {"size": 32, "mean": [32, 32, 32]},
    }
    source = write({"visual.positional_embedding": (17, 8)}, open_clip_config=config)
    assert {change.name: change.after for change in plan_extension(source, image_size=64).fields} == {
        "model_cfg.vision_cfg.image_size": 64,
        "preprocess_cfg.size": 64,
    }


@pytest.mark.parametrize(
    ("arguments", "before"), [({}, None), ({"pos_embed_grid_size": [4, 4]}, [4, 4])], ids=["default", "stated"]
)
def test_a_naflex_grid_is_written_as_a_pair(write, arguments, before):
    config = {
        "architecture": "naflexvit_base_patch16_siglip",
        "pretrained_cfg": {"input_size": [3, 96, 96]},
        "model_args": {"depth": 1, **arguments},
    }
    source = write({"embeds.pos_embed": (1, 4, 4, 32), "embeds.proj.weight": (32, 768)}, config=config)
    (change,) = plan_extension(source, image_size=128).fields
    assert (change.name, change.before, change.after) == ("model_args.pos_embed_grid_size", before, [8, 8])


def test_a_timm_image_with_a_remainder(write):
    config = {"architecture": "vit_so400m_patch14_siglip_384", "pretrained_cfg": {"input_size": [3, 34, 34]}}
    source = write({"pos_embed": (1, 16, 8), "patch_embed.proj.weight": (8, 3, 8, 8)}, config=config)
    plan = plan_extension(source, image_size=53)
    assert [(change.name, change.after) for change in plan.fields] == [
        ("pretrained_cfg.input_size", [3, 53, 53]),
        ("model_args.img_size", [53, 53]),
    ]


def test_queries_per_number_of_patches(write):
    vision = {"model_type": "idefics3_vision", "image_size": 32, "patch_size": 8}
    config = {"model_type": "aria", "vision_config": vision, "projector_patch_to_query_dict": {"4": 2, "16": 3}}
    source = write({"vision_tower.embeddings.position_embedding.weight": (16, 8)}, config=config)
    after = {change.name: change.after for change in plan_extension(source, image_size=48).fields}
    assert after == {"vision_config.image_size": 48, "projector_patch_to_query_dict": {"4": 2, "36": 3}}
