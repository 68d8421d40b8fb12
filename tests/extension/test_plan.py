"""What a plan lists, and that exactly this happens: every other file and tensor of the result is byte-equal."""

from __future__ import annotations

import json
import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from posembed import Override, extend_checkpoint, find_tables, plan_extension
from posembed.errors import InvalidArgumentError

POSITION = "embeddings.position_embeddings.weight"


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def flat(value, path=()):
    """A JSON value as {path: scalar}."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        return {path: value}
    return {(): None} | {key: leaf for name, inner in items for key, leaf in flat(inner, (*path, name)).items()}


def check_nothing_else_changed(source, out, plan):
    """The plan against what really differs between two directories."""
    described = plan.to_dict()
    before, after = files(source), files(out)
    left_out = {entry["file"] for entry in described["left_out"]}
    record = json.loads(after.pop("posembed.json"))
    assert [each["key"] for each in record["steps"][-1]["tables"]] == [each["key"] for each in described["tables"]]
    assert set(after) == set(before) - left_out
    fields = {}
    for entry in described["fields"]:
        fields.setdefault(entry["file"], []).append(entry)
    tables = {entry["file"] for entry in described["tables"]}
    indexes = {name for name in after if name.endswith(".index.json")}
    for name in set(after) - tables - set(fields) - indexes:
        assert after[name] == before[name], name
    for name, entries in fields.items():
        old, new = json.loads(before[name]), json.loads(after[name])
        for entry in entries:
            place = old
            *parents, last = entry["field"].split(".")
            for parent in parents:
                place = place[parent]
            assert place[last] == entry["before"]
            place[last] = entry["after"]
        assert new == old, name
        assert list(new) == list(old)  # the order of the fields as well
    shapes = {e["key"]: e["shape"] for e in (*described["tables"], *described["buffers"])}
    for name in (name for name in after if name.endswith(".safetensors")):
        old, new = load_file(source / name), load_file(out / name)
        assert set(new) == set(old)
        for key in old:
            if key in shapes:
                assert [list(old[key].shape), list(new[key].shape)] == [shapes[key]["before"], shapes[key]["after"]]
                assert old[key].dtype == new[key].dtype
            else:
                assert old[key].tobytes() == new[key].tobytes(), key
                assert old[key].shape == new[key].shape, key
    assert after == {name: content for name, content in files(out).items() if name != "posembed.json"}


def test_every_change_of_a_bert(bert, tmp_path):
    plan = plan_extension(bert, 40)
    assert not (tmp_path / "out").exists()
    (change,) = plan.tables
    assert (change.table.key, change.shape, change.method) == (POSITION, (40, 8), "tile")
    assert [(c.file.name, c.name, c.before, c.after) for c in plan.fields] == [
        ("config.json", "max_position_embeddings", 16, 40),
        ("tokenizer_config.json", "model_max_length", 16, 40),
        ("tokenizer.json", "truncation.max_length", 12, 40),
    ]
    assert (plan.blocked, plan.left_out, plan.buffers, plan.unchanged, plan.notes) == ((), (), (), (), ())
    done = extend_checkpoint(bert, tmp_path / "out", 40)
    written = done.to_dict()
    assert set(written.pop("checked")) == {"outcome", "what", "reason", "seconds"}
    assert written == plan.to_dict() | {"length_aware": False, "out": str(tmp_path / "out")}
    check_nothing_else_changed(bert, tmp_path / "out", plan)
    old, new = (load_file(folder / "model.safetensors")[POSITION] for folder in (bert, tmp_path / "out"))
    assert np.array_equal(new, np.concatenate((old, old, old[:8])))


# --- the property: random checkpoints --------------------------------------------------------------------------------

NAMES = st.text(string.ascii_lowercase + "._", min_size=1, max_size=12).map(lambda text: f"layer.{text}.weight")
SHAPES = st.lists(st.integers(0, 5), max_size=3).map(tuple)
DTYPES = st.sampled_from([np.float32, np.float16, np.int64, np.uint8, np.bool_])
OTHERS = st.dictionaries(NAMES, st.tuples(SHAPES, DTYPES), max_size=6)
VALUES = st.none() | st.booleans() | st.integers(-5, 5000) | st.floats(allow_nan=False) | st.text(max_size=5)
EXTRA = st.dictionaries(
    st.text(string.ascii_lowercase, min_size=1, max_size=6), VALUES | st.lists(VALUES, max_size=3), max_size=4
)


@st.composite
def checkpoints(draw):
    rows = draw(st.integers(2, 20))
    offset = draw(st.sampled_from([("bert", 0), ("roberta", 2)]))
    tensors = {POSITION: draw(st.integers(0, 99))}
    others = draw(OTHERS)
    buffer = draw(st.booleans())
    pairs = [*tensors.items(), *others.items()]
    return rows, offset, draw(st.permutations(pairs)), buffer, draw(EXTRA), draw(st.integers(1, 30))


@settings(max_examples=40)
@given(drawn=checkpoints(), method=st.sampled_from(["tile", "linear", "hierarchical", "zeros"]))
def test_what_is_not_in_the_plan_stays(tmp_path_factory, drawn, method):
    rows, (family, reserved), tensors, buffer, extra, more = drawn
    folder = tmp_path_factory.mktemp("random")
    source = folder / "source"
    source.mkdir()
    generator = np.random.default_rng(0)
    arrays = {
        key: generator.normal(size=(rows + reserved, 4)).astype(np.float32)
        if key == POSITION
        else np.asarray(generator.normal(size=value[0]) * 9).astype(value[1])
        for key, value in tensors
    }
    if buffer:
        arrays["embeddings.position_ids"] = np.arange(rows + reserved)[None]
    save_file(arrays, source / "model.safetensors", metadata={"format": "pt", "note": "é"})
    config = extra | {"model_type": family, "max_position_embeddings": rows + reserved, "pad_token_id": reserved // 2}
    (source / "config.json").write_text(json.dumps(config))
    (source / "tokenizer_config.json").write_text(json.dumps(extra | {"model_max_length": rows}))
    (source / "notes.txt").write_text("é")
    length = min(rows + more, rows * rows)
    if length == rows:
        return
    plan = extend_checkpoint(source, folder / "out", length, method=method, verify="full")
    assert plan.tables[0].layout.reserved == reserved
    check_nothing_else_changed(source, folder / "out", plan)
    assert find_tables(folder / "out")[0].usable_length == length


# --- configuration fields --------------------------------------------------------------------------------------------


def changes(plan):
    return {(c.file.name, c.name): (c.before, c.after) for c in plan.fields}


def test_the_old_copies_that_clip_files_read_last(write, tmp_path):
    text = {"model_type": "clip_text_model", "max_position_embeddings": 16, "hidden_size": 8}
    vision = {"model_type": "clip_vision_model", "image_size": 32, "patch_size": 8, "hidden_size": 8}
    source = write(
        {"text_model.embeddings.position_embedding.weight": (16, 8),
         "vision_model.embeddings.position_embedding.weight": (17, 8)},
        config={"model_type": "clip", "text_config": text, "text_config_dict": {"max_position_embeddings": 16},
                "vision_config": vision, "vision_config_dict": {"image_size": 32, "patch_size": 8}},
        tokenizer_config={"model_max_length": 16},
        preprocessor_config={"crop_size": {"height": 32, "width": 32}, "size": {"shortest_edge": 32},
         "do_resize": True},
    )  # fmt: skip
    assert changes(plan_extension(source, 24)) == {
        ("config.json", "text_config.max_position_embeddings"): (16, 24),
        ("config.json", "text_config_dict.max_position_embeddings"): (16, 24),
        ("tokenizer_config.json", "model_max_length"): (16, 24),
    }
    plan = extend_checkpoint(source, tmp_path / "out", image_size=48)
    assert changes(plan) == {
        ("config.json", "vision_config.image_size"): (32, 48),
        ("config.json", "vision_config_dict.image_size"): (32, 48),
        ("preprocessor_config.json", "crop_size"): ({"height": 32, "width": 32}, {"height": 48, "width": 48}),
        ("preprocessor_config.json", "size"): ({"shortest_edge": 32}, {"shortest_edge": 48}),
    }
    check_nothing_else_changed(source, tmp_path / "out", plan)


def test_another_name_of_the_same_field(write):
    source = write({"wpe.weight": (16, 8)}, config={"model_type": "gpt2", "n_positions": 16, "n_ctx": 16, "n_embd": 16})
    assert changes(plan_extension(source, 32)) == {
        ("config.json", "n_positions"): (16, 32),
        ("config.json", "n_ctx"): (16, 32),
    }


# --- what stands in the way ------------------------------------------------------------------------------------------


def test_a_field_that_sizes_two_tables(write, tmp_path):
    keys = {"encoder.embed_positions.weight", "decoder.embed_positions.weight"}
    source = write(dict.fromkeys(keys, (18, 8)), config={"model_type": "bart", "max_position_embeddings": 16})
    assert {change.table.key for change in plan_extension(source, 32).tables} == keys
    plan = plan_extension(source, 32, tables=["decoder.embed_positions.weight"])
    assert plan.blocked == (
        "max_position_embeddings sizes both decoder.embed_positions.weight and encoder.embed_positions.weight: "
        "they can only change together",
    )
    with pytest.raises(InvalidArgumentError, match="this extension is not supported: max_position_embeddings sizes"):
        extend_checkpoint(source, tmp_path / "out", 32, tables=["decoder.embed_positions.weight"])
    assert not (tmp_path / "out").exists()


def test_tables_that_one_field_sizes_get_the_rows_of_the_neediest(write, tmp_path):
    entities = "entity_embeddings.position_embeddings.weight"
    source = write(
        {POSITION: (18, 8), entities: (18, 8)},
        config={"model_type": "luke", "max_position_embeddings": 18, "pad_token_id": 1},
    )
    plan = extend_checkpoint(source, tmp_path / "out", 24)
    assert {change.table.key: change.shape for change in plan.tables} == {POSITION: (26, 8), entities: (26, 8)}
    assert changes(plan) == {("config.json", "max_position_embeddings"): (18, 26)}


def test_an_uncertain_table_waits_for_the_users_word(write, tmp_path):
    source = write({"blocks.pos_table.position_embeddings.weight": (23, 8)}, config={"model_type": "mine"})
    key = "blocks.pos_table.position_embeddings.weight"
    plan = plan_extension(source, 40)
    assert len(plan.blocked) == 1
    assert f"tables={key!r} and `reserved`, `prefix` or `table_grid`" in plan.blocked[0]
    with pytest.raises(InvalidArgumentError, match="is uncertain"):
        extend_checkpoint(source, tmp_path / "out", 40)
    plan = extend_checkpoint(source, tmp_path / "out", 40, override=Override(key, reserved=3), tables=[key])
    assert (plan.tables[0].shape, plan.tables[0].layout.reserved) == ((43, 8), 3)
    assert plan.notes == (
        "no configuration field was found that sizes these tables: set it yourself, or loading will fail",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "exactly one of `length`, `grid` and `image_size` must be given, got none of them"),
        ({"length": 32, "grid": (4, 4)}, "got `length` and `grid`"),
        ({"length": 16}, "changes nothing: .*has 16 usable positions already"),
        ({"length": 8}, "is longer already .16.; method='crop' shortens"),
        ({"length": 0}, "length=0 must be a whole number of usable positions"),
        ({"length": 32.0}, "length=32.0 must be a whole number"),
        ({"length": True}, "length=True must be a whole number"),
        ({"grid": (4, 4)}, "has no table of that kind, only .*: use `length`"),
        ({"length": 32, "method": "bicubic"}, "bicubic"),
        ({"length": 32, "method": "nonsense"}, "nonsense.*tile.*linear|nonsense.*linear.*tile"),
        ({"length": 32, "alpha": 0.4}, "has no option 'alpha'"),
        (
            {"length": 32, "tables": ["nope"]},
            "tables='nope' is not a position table of this checkpoint; those are: emb",
        ),
        (
            {"length": 32, "tables": ["embeddings.token_type_embeddings.weight"]},
            "is not a position table: a token-type",
        ),
        ({"length": 32, "tables": []}, "."),
        ({"length": 32, "override": Override("nope")}, "table='nope' is not a tensor of this checkpoint"),
        ({"length": 32, "override": Override(POSITION, reserved=16)}, "leave no position of the 16 rows"),
    ],
)
def test_calls_that_cannot_be_right(bert, arguments, message):
    with pytest.raises(InvalidArgumentError, match=message):
        plan_extension(bert, **arguments)


def test_cropping(bert, tmp_path):
    plan = extend_checkpoint(bert, tmp_path / "out", 8, method="crop")
    assert plan.tables[0].shape == (8, 8)
    assert changes(plan)[("tokenizer.json", "truncation.max_length")] == (12, 8)
    check_nothing_else_changed(bert, tmp_path / "out", plan)


# --- grids -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def vit(write):
    return write(
        {"embeddings.position_embeddings": (1, 17, 8), "embeddings.cls_token": (1, 1, 8)},
        config={"model_type": "vit", "image_size": 32, "patch_size": 8},
        preprocessor_config={"size": {"height": 32, "width": 32}},
    )


def test_a_grid_in_patches_or_in_pixels_is_the_same(vit):
    in_patches, in_pixels = plan_extension(vit, grid=(6, 6)).to_dict(), plan_extension(vit, image_size=48).to_dict()
    assert in_patches == in_pixels
    assert in_patches["tables"][0]["grid"] == {"before": [4, 4], "after": [6, 6]}
    assert in_patches["tables"][0]["shape"] == {"before": [1, 17, 8], "after": [1, 37, 8]}
    assert [(f["field"], f["after"]) for f in in_patches["fields"]] == [
        ("image_size", 48),
        ("size", {"height": 48, "width": 48}),
    ]


def test_height_comes_first(vit, tmp_path):
    plan = extend_checkpoint(vit, tmp_path / "out", image_size=(48, 32))
    assert plan.tables[0].layout.grid == (6, 4)
    assert changes(plan)[("config.json", "image_size")] == (32, [48, 32])
    assert any("the grid is not square" in note for note in plan.notes)
    assert find_tables(tmp_path / "out")[0].layout.grid == (6, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"length": 64}, "has no table of that kind, only .*: use `grid` or `image_size`"),
        ({"grid": (4, 4)}, "nothing changes: .* has a grid of 4 × 4 already"),
        ({"image_size": 50}, "image_size=50 is not a multiple of the patch size 8 × 8"),
        ({"image_size": 0}, "image_size=0 must be one number"),
        ({"image_size": -8}, "image_size=-8 must be one number"),
        ({"image_size": "48"}, "image_size='48' must be"),
        ({"image_size": True}, "image_size=True must be"),
        ({"grid": (0, 4)}, r"grid=\(0, 4\) must be \(height, width\) in patches"),
        ({"grid": (4,)}, r"grid=\(4,\) must be"),
        ({"grid": 6}, "grid=6 must be"),
        ({"grid": (6.0, 6.0)}, "must be"),
        ({"grid": (6, 6), "method": "linear"}, "linear"),
    ],
)
def test_image_calls_that_cannot_be_right(vit, arguments, message):
    with pytest.raises(InvalidArgumentError, match=message):
        plan_extension(vit, **arguments)


def test_grids_that_differ_need_pixels_or_a_name(write):
    keys = {"a.position_embeddings": (1, 17, 8), "b.position_embeddings": (1, 37, 8)}
    sub = {"patch_size": 8, "model_type": "vit"}
    source = write(keys, config={"a": sub | {"image_size": 32}, "b": sub | {"image_size": 48}})
    with pytest.raises(InvalidArgumentError, match=r"these grids differ .*use `image_size`, or name one with `tables`"):
        plan_extension(source, grid=(8, 8))
    assert len(plan_extension(source, image_size=64).tables) == 2
    assert [c.table.key for c in plan_extension(source, grid=(8, 8), tables=["a.position_embeddings"]).tables] == [
        "a.position_embeddings"
    ]


def test_coordinates_are_interpolated_by_themselves(tmp_path):
    """A tiled table would read coordinate 1024 as coordinate 0, the other end of the page."""
    import transformers

    model = transformers.LayoutLMModel(
        transformers.LayoutLMConfig(
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            vocab_size=32,
            max_2d_position_embeddings=64,
        )
    )
    model.save_pretrained(tmp_path / "layoutlm")
    axes = [table.key for table in find_tables(tmp_path / "layoutlm") if table.kind == "axis"]
    assert len(axes) == 4
    plan = plan_extension(tmp_path / "layoutlm", 128, tables=axes)
    assert {change.method for change in plan.tables} == {"linear"}
    named = plan_extension(tmp_path / "layoutlm", 128, tables=axes, method="tile")
    assert {change.method for change in named.tables} == {"tile"}
    words = plan_extension(tmp_path / "layoutlm", 1024)
    assert {change.method for change in words.tables} == {"tile"}


def with_end(end):
    """A GPT-2 of 96 rows of which some were trained; the other rows are as initialized."""
    rows = 0.02 * np.random.default_rng(0).standard_normal((96, 32))
    rows[:end] += 0.05 * np.sin(np.arange(end)[:, None] * np.linspace(0.02, 0.3, 32))
    return {"wpe.weight": rows.astype(np.float32)}


GPT2 = {"model_type": "gpt2", "n_positions": 96, "n_embd": 32}


def test_auto_repeats_only_rows_that_were_trained(write, tmp_path):
    source = write(with_end(60), config=GPT2)
    plan = plan_extension(source, 200)
    (change,) = plan.tables
    end = change.options["range"]
    assert (change.method, abs(end - 60) <= 6) == ("tile", True)
    assert plan.notes[0].startswith(f"wpe.weight: only the first {end} rows are repeated, the others look untrained (")
    extend_checkpoint(source, tmp_path / "out", 200)
    old, new = (load_file(folder / "model.safetensors")["wpe.weight"] for folder in (source, tmp_path / "out"))
    assert np.array_equal(new, old[np.arange(200) % end])


def test_a_named_method_is_taken_as_it_is(write):
    source = write(with_end(60), config=GPT2)
    assert plan_extension(source, 200, method="tile").tables[0].options == {}
    assert plan_extension(source, 200, method="tile", range=90).tables[0].options == {"range": 90}


def test_auto_repeats_all_of_a_table_that_was_trained_whole(write):
    plan = plan_extension(write(with_end(96), config=GPT2), 200)
    assert plan.tables[0].options == {}
    assert not any("look untrained" in note for note in plan.notes)
