"""What a model's code forbids, and what else to know of an extension."""

import pytest
import torch

from posembed import plan_extension

LED = {"model_type": "led", "attention_window": [4, 8], "max_encoder_position_embeddings": 16}


def test_a_supported_extension_has_none(bert):
    plan = plan_extension(bert, 32)
    assert (plan.blocked, plan.notes) == ((), ())


@pytest.mark.parametrize(("length", "blocked"), [(24, False), (20, True)])
def test_lengths_that_must_be_multiples(write, length, blocked):
    """Of the largest window, where each layer has one."""
    plan = plan_extension(write({"encoder.embed_positions.weight": (16, 8)}, config=LED), length)
    assert bool(plan.blocked) is blocked
    assert all(f"multiples of 8, and {length} is not" in reason for reason in plan.blocked)


@pytest.mark.parametrize(
    ("attention", "blocked"),
    [({}, True), ({"attention_type": "block_sparse"}, True), ({"attention_type": "original_full"}, False)],
)
@pytest.mark.parametrize("family", ["big_bird", "bigbird_pegasus"])
def test_blocks_bind_sparse_attention_alone(write, family, attention, blocked):
    config = {"model_type": family, "max_position_embeddings": 16, "block_size": 8} | attention
    key = "embeddings.position_embeddings.weight" if family == "big_bird" else "encoder.embed_positions.weight"
    plan = plan_extension(write({key: (16, 8)}, config=config), 20)
    assert plan.blocked == (
        (f"{key}: block-sparse attention needs lengths that are multiples of 8, and 20 is not: use 24 positions",)
        if blocked
        else ()
    )


def test_the_blocks_of_one_part_bind_where_another_has_none(write):
    parts = {name: {"model_type": "big_bird", "max_position_embeddings": 16, "block_size": 8} for name in ("a", "b")}
    parts["a"]["attention_type"] = "original_full"
    parts["b"]["attention_type"] = "block_sparse"
    source = write({"embeddings.position_embeddings.weight": (16, 8)}, config={"model_type": "pair", **parts})
    assert any("multiples of 8" in reason for reason in plan_extension(source, 20).blocked)


def test_rows_that_are_hash_buckets(write):
    config = {"model_type": "canine", "max_position_embeddings": 16}
    plan = plan_extension(write({"char_embeddings.char_position_embeddings.weight": (16, 8)}, config=config), 32)
    assert any("hash buckets" in reason for reason in plan.blocked)


def test_a_configuration_with_one_number_for_both_sides(write):
    config = {"model_type": "vit", "image_size": 32, "patch_size": 8}
    source = write({"embeddings.position_embeddings": (1, 17, 8)}, config=config)
    assert plan_extension(source, grid=(6, 4)).notes == (
        "embeddings.position_embeddings: the grid is not square; the model's code must take an image size of two "
        "numbers",
    )
    assert plan_extension(source, grid=(6, 6)).notes == ()


@pytest.mark.parametrize(
    ("sizes", "rows", "grid"),
    [
        ({"image_size": [32, 48]}, 24, (8, 12)),
        ({"image_size": [32, 32]}, 16, (8, 4)),
        ({"model_type": "vit", "image_size": {"height": 32, "width": 32}}, 16, (4, 8)),
    ],
)
def test_a_model_that_has_two_numbers_already_needs_no_note(write, sizes, rows, grid):
    config = {"model_type": "vit", "patch_size": 8, **sizes}
    plan = plan_extension(write({"embeddings.position_embeddings": (1, rows + 1, 8)}, config=config), grid=grid)
    assert (plan.notes, plan.blocked) == ((), ())


def test_a_spectrogram_has_no_image_size(write):
    sound = {"num_mel_bins": 16, "max_length": 64, "patch_size": 4, "frequency_stride": 2, "time_stride": 4}
    config = {"model_type": "audio-spectrogram-transformer", **sound}
    source = write({"audio_spectrogram_transformer.embeddings.position_embeddings": (1, 7 * 16 + 2, 8)}, config=config)
    assert plan_extension(source, grid=(7, 32)).notes == ()


def test_a_guess_is_refused_once_with_the_arguments_that_describe_it(tmp_path):
    copy = lambda: {"pos_embed": torch.randn(1, 17, 8), "cls_token": torch.randn(1, 1, 8)}  # noqa: E731
    torch.save({"student": copy(), "teacher": copy()}, tmp_path / "a.pth")
    (reason,) = plan_extension(tmp_path / "a.pth", grid=(8, 8)).blocked
    assert "with tables='pos_embed' and `reserved`, `prefix` or `table_grid` (table_grid=4x4 prefix=1 if that" in reason
    described = {"tables": ["pos_embed"], "table_grid": (4, 4), "prefix": 1}
    assert plan_extension(tmp_path / "a.pth", grid=(8, 8), **described).blocked == ()


def test_a_guessed_sequence_is_refused_with_its_reserved_rows(tmp_path):
    torch.save({"model.position_embeddings.weight": torch.randn(48, 8)}, tmp_path / "a.pt")
    (reason,) = plan_extension(tmp_path / "a.pt", 64).blocked
    assert "`reserved`, `prefix` or `table_grid` (reserved=0 if that guess is right)" in reason
    described = {"tables": ["model.position_embeddings.weight"], "reserved": 0}
    assert plan_extension(tmp_path / "a.pt", 64, **described).blocked == ()


def test_a_file_alone_leaves_the_configuration_as_it_is(bert):
    assert plan_extension(bert / "model.safetensors", 32).notes == (
        "only the one file is written: to change configuration and tokenizer too, name the directory",
    )


def test_no_field_sizes_the_table(write):
    plan = plan_extension(write({"embeddings.position_embeddings.weight": (16, 8)}, config={"model_type": "bert"}), 32)
    assert any(note.startswith("no configuration field was found that sizes these tables") for note in plan.notes)


@pytest.mark.parametrize(
    ("size", "note"),
    [
        (48, "0 rows and 0 columns"),
        (
            50,
            "2 rows and 2 columns of pixels at the image's end are unused: 50 × 50 pixels make 6 × 6 patches of 8 × 8",
        ),
        ((48, 55), "0 rows and 7 columns of pixels"),
    ],
)
def test_pixels_that_no_patch_covers(write, size, note):
    config = {"model_type": "vit", "image_size": 34, "patch_size": 8}
    source = write({"embeddings.position_embeddings": (1, 17, 8)}, config=config)
    notes = plan_extension(source, image_size=size).notes
    assert any(note in each for each in notes) is (size != 48)


def test_one_number_cannot_hold_two_sides_of_pixels(write):
    config = {"model_type": "siglip_vision_model", "image_size": 34, "patch_size": 8}
    source = write({"embeddings.position_embedding.weight": (16, 8)}, config=config)
    (reason,) = plan_extension(source, image_size=(48, 50)).blocked  # 6 × 6 patches, but not a square of pixels
    assert "image_size is one number" in reason


VIVIT = {"model_type": "vivit", "num_frames": 4, "tubelet_size": [2, 8, 8], "image_size": 16}


@pytest.mark.parametrize(
    ("length", "method", "reason"),
    [
        (17, "auto", None),
        (17, "tile", None),
        (5, "crop", None),
        (
            18,
            "tile",
            "17 positions are not a whole number of frames of 4 patches: the length must be a multiple of 4, plus 1",
        ),
        (17, "linear", "which method='linear' would mix: method='tile' repeats whole frames"),
        (17, "repeat-last", "would mix"),
    ],
)
def test_frames_stay_whole(write, length, method, reason):
    source = write({"embeddings.position_embeddings": (1, 9, 8)}, config=VIVIT)
    plan = plan_extension(source, length, method=method, tables="embeddings.position_embeddings")
    assert [reason in each for each in plan.blocked] == ([] if reason is None else [True])
    frames = {5: 2, 17: 8, 18: 8}[length]
    assert [(change.name, change.after) for change in plan.fields] == [("num_frames", frames)]


BIAS = "encoder.layer.0.attention.relative_position_bias_table"
BEIT = {"model_type": "beit", "image_size": 32, "patch_size": 8, "use_absolute_position_embeddings": True}


def test_a_look_alike_of_the_same_size_cannot_follow(write):
    """BEiT's table of distances has (2 · 4 − 1)² + 3 rows for 32 pixels: after an extension it would not load."""
    source = write({"embeddings.position_embeddings": (1, 17, 8), BIAS: (52, 2)}, config=BEIT)
    assert plan_extension(source, image_size=48).blocked == (
        f"image_size sizes both embeddings.position_embeddings and {BIAS}: they can only change together, and {BIAS} "
        "cannot be extended: a table of relative positions: its rows are distances, not positions",
    )
    source = write({"embeddings.position_embeddings": (1, 17, 8), BIAS: (49 + 4, 2)}, config=BEIT)
    assert plan_extension(source, image_size=48).blocked == ()


def test_many_of_one_size_are_counted(write):
    biases = {BIAS.replace("0", str(layer)): (52, 2) for layer in range(5)}
    source = write({"embeddings.position_embeddings": (1, 17, 8), **biases}, config=BEIT)
    (reason,) = plan_extension(source, image_size=48).blocked
    assert reason.count("relative_position_bias_table") == 4  # three of the five, and the one whose reason is given
    assert "and 2 more: they can only" in reason


def test_relative_positions_that_follow_are_no_obstacle(write):
    config = {"model_type": "sam_vision_model", "image_size": 32, "patch_size": 4}
    tensors = {"vision_encoder.pos_embed": (1, 8, 8, 8), "vision_encoder.layers.0.attn.rel_pos_h": (15, 4)}
    plan = plan_extension(write(tensors, config=config), image_size=48)
    assert plan.blocked == ()
    assert [buffer.key for buffer in plan.buffers] == ["vision_encoder.layers.0.attn.rel_pos_h"]


def test_tables_that_are_not_read_are_named(write):
    config = {"model_type": "decision_transformer", "n_positions": 16, "max_ep_len": 20}
    source = write({"encoder.wpe.weight": (16, 8), "embed_timestep.weight": (20, 8)}, config=config)
    left_out, *_ = plan_extension(source, 40, tables=["embed_timestep.weight"]).notes
    assert left_out.startswith("encoder.wpe.weight is left out: DecisionTransformerModel gives")
    named, *_ = plan_extension(source, 40, tables=["encoder.wpe.weight"]).notes
    assert named.endswith("another size changes no output")


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        ({"16": 3}, ""),  # the entry of the old number becomes one of the new
        ({"4": 2, "36": 3}, ""),
        ({"4": 2, "9": 3}, "projector_patch_to_query_dict lists the numbers of patches that the model takes (4, 9)"),
        (None, "projector_patch_to_query_dict lists the numbers of patches that the model takes (1225, 4900)"),
    ],
)
def test_a_model_that_lists_the_numbers_of_patches_it_takes(write, listed, reason):
    vision = {"model_type": "idefics3_vision", "image_size": 32, "patch_size": 8}
    config = {"model_type": "aria", "vision_config": vision} | (
        {} if listed is None else {"projector_patch_to_query_dict": listed}
    )
    source = write({"vision_tower.embeddings.position_embedding.weight": (16, 8)}, config=config)
    blocked = plan_extension(source, image_size=48).blocked
    assert [reason in each and "and 36 is not one of them" in each for each in blocked] == [True] * bool(reason)


HIERA = {
    "architecture": "hiera_tiny_224",
    "model_args": {"img_size": [224, 224]},
    "pretrained_cfg": {"input_size": [3, 224, 224]},
}
HIERA_TENSORS = {"pos_embed": (1, 3136, 2), "patch_embed.proj.weight": (2, 3, 7, 7)}


def test_a_size_that_windows_do_not_divide_names_those_that_they_do(write):
    source = write(HIERA_TENSORS, config=HIERA)
    reason = (
        "pos_embed: its windows are merged three times by two: the grid's sides must be multiples of 8, and 68 × 68 is "
        "not: use "
    )
    assert plan_extension(source, image_size=272).blocked == (f"{reason}256 × 256 or 288 × 288 pixels",)
    assert plan_extension(source, grid=(68, 68)).blocked == (f"{reason}64 × 64 or 72 × 72 patches",)
    assert plan_extension(source, image_size=256).blocked == ()


def test_one_number_for_both_sides_although_the_file_leaves_it_to_the_code(write):
    config = {"architecture": "qwen3_vit_88m", "pretrained_cfg": {"input_size": [3, 96, 96]}}
    source = write({"encoder.pos_embed": (1, 36, 8), "encoder.patch_embed.proj.weight": (8, 3, 16, 16)}, config=config)
    assert plan_extension(source, grid=(8, 6)).blocked == (
        "encoder.pos_embed: model_args.pos_embed_grid_size is one number, and the code of timm/qwen3_vit_88m takes no "
        "other: a grid of 8 × 6 cannot be written into it",
    )
    plan = plan_extension(source, grid=(8, 8))
    assert [(change.name, change.after) for change in plan.fields] == [("model_args.pos_embed_grid_size", 8)]
