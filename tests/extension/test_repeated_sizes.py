"""Fields that hold the old size and that no law changes are named; the same number under other names is not."""

import json

import pytest

from posembed import plan_extension
from posembed.extension.repeated_sizes import MOST_NAMED, OldSize
from posembed.find.families import companions

START = "left at the old size, check whether they must change: "


def left(plan):
    sentences = [note.removeprefix(START) for note in plan.notes if note.startswith(START)]
    return sentences[0].split(", ") if sentences else []


@pytest.fixture
def text(write):
    """What is left when a RoBERTa of 16 usable positions, 18 rows, becomes longer, with one more file."""

    def planned(content, name="config", **options):
        config = {"model_type": "roberta", "max_position_embeddings": 18, "pad_token_id": 1}
        files = {"config": config | content} if name == "config" else {"config": config, name: content}
        source = write({"embeddings.position_embeddings.weight": (18, 8)}, **files)
        return left(plan_extension(source, 32, **options))

    return planned


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"pooler": {"max_tokens": 16}}, ["config.json: pooler.max_tokens (16)"]),
        ({"entity_max_len": 18}, ["config.json: entity_max_len (18)"]),
        ({"task_specific_params": {"a": {"max_length": 18}}}, ["config.json: task_specific_params.a.max_length (18)"]),
        ({"max_tokens": 17, "max_len_x": 15}, []),
        ({"vocab_size": 16, "hidden_size": 18, "intermediate_size": 16, "num_labels": 16, "max_new_tokens": 16}, []),
        ({"bos_token_id": 16, "mask_token_index": 16, "max_position_bucket": 18, "patch_size": 16}, []),
        ({"max_tokens": True}, []),
        ({"max_tokens": [16, 16]}, []),
        ({"n_ctx": 18}, []),  # an alias: it changes
    ],
)
def test_lengths(text, content, expected):
    assert text(content) == expected


def test_any_settings_file(text):
    assert text({"a": {"max_context": 16}}, "retriever_settings") == ["retriever_settings.json: a.max_context (16)"]


@pytest.mark.parametrize("name", ["vocab", "added_tokens", "trainer_state", "eval_results", "model.safetensors.index"])
def test_files_that_are_no_settings(text, name):
    assert text({"max_tokens": 16}, name) == []


def test_files_that_are_no_json_objects(bert):
    (bert / "list.json").write_text("[16]")
    (bert / "broken.json").write_text("{")
    (bert / "large.json").write_text(json.dumps({"max_tokens": 16, "x": "y" * (1 << 20)}))
    assert left(plan_extension(bert, 32)) == []


IMAGE = {"model_type": "vit", "image_size": 32, "patch_size": 8}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"decoder": {"image_size": 32}}, ["config.json: decoder.image_size (32)"]),
        ({"decoder": {"target_image": {"height": 32, "width": 32}}}, None),
        ({"depth": {"input_resolution": [32, 32]}}, ["config.json: depth.input_resolution ([32", "32])"]),
        ({"decoder": {"total_patches": 16}}, ["config.json: decoder.total_patches (16)"]),
        ({"decoder": {"seq_tokens": 17}}, ["config.json: decoder.seq_tokens (17)"]),
        ({"decoder": {"hidden_size": 32, "max_position_ids": 32, "channels": 16}}, []),
    ],
)
def test_images(write, content, expected):
    source = write({"embeddings.position_embeddings": (1, 17, 8)}, config=IMAGE | content)
    found = left(plan_extension(source, image_size=48))
    assert found == expected if expected is not None else "target_image" in str(found)


def test_fields_of_tables_that_do_not_change_are_theirs(write):
    """A text of 16 positions beside an image of 4 × 4 patches."""
    config = {"vision_config": IMAGE, "text_config": {"model_type": "bert", "max_position_embeddings": 16}}
    source = write(
        {"vision_model.embeddings.position_embeddings": (1, 17, 8), "text_model.position_embeddings.weight": (16, 8)},
        config=config,
    )
    assert left(plan_extension(source, image_size=48)) == []


def test_a_long_list_ends_with_a_number(text):
    found = text({f"part{i}": {"max_tokens": 16} for i in range(MOST_NAMED + 3)})
    assert len(found) == MOST_NAMED
    assert found[-1].endswith(" and 3 more")


def test_an_old_size_has_words():
    size = OldSize((32, 24), companions.PIXEL_NAME)
    assert size.is_in("crop", {"height": 32, "width": 24})
    assert not size.is_in("crop", 32)
    assert not size.is_in("hidden", [32, 24])
