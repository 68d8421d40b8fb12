"""`posembed inspect` and `posembed extend`: what is printed where, exit codes, one sentence for everything wrong."""

import json
import os
import re

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

POSITION = "embeddings.position_embeddings.weight"


def write(folder, tensors, config=None, **files):
    folder.mkdir(exist_ok=True)
    draw = np.random.default_rng(0)
    arrays = {key: draw.normal(size=value).astype(np.float32) for key, value in tensors.items()}
    save_file(arrays, folder / "model.safetensors")
    for name, content in ({"config": config} | files if config is not None else files).items():
        (folder / f"{name}.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


@pytest.fixture
def bert(tmp_path):
    return write(
        tmp_path / "source",
        {POSITION: (16, 8), "embeddings.token_type_embeddings.weight": (2, 8), "dense.weight": (8, 8)},
        {"model_type": "bert", "max_position_embeddings": 16},
        tokenizer_config={"model_max_length": 16},
    )


@pytest.fixture
def vit(tmp_path):
    return write(
        tmp_path / "vit",
        {"embeddings.position_embeddings": (1, 17, 8)},
        {"model_type": "vit", "image_size": 32, "patch_size": 8},
    )


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def one_sentence(told):
    lines = told.strip().splitlines()
    assert len(lines) == 1, told
    assert lines[0].startswith("posembed: ")
    assert "Traceback" not in told
    return lines[0]


# --- inspect ---------------------------------------------------------------------------------------------------------


def test_inspect(bert, cli):
    code, printed, told = cli("inspect", bert)
    assert (code, told) == (0, "")
    assert POSITION in printed
    for line in ("sequence (bert)", "16 × 8, F32", "16 positions", "max_position_embeddings", "Not position tables"):
        assert line in printed
    assert "\x1b" not in printed


def test_inspect_as_json(bert, cli):
    code, printed, told = cli("inspect", bert, "--json")
    assert (code, told) == (0, "")
    document = json.loads(printed)
    assert document["checkpoint"] == str(bert)
    assert [(t["key"], t["usable_length"], t["refused"] is None) for t in document["tables"]] == [
        (POSITION, 16, True),
        ("embeddings.token_type_embeddings.weight", 0, False),
    ]


def test_inspect_with_the_users_word(bert, vit, cli):
    (table,) = json.loads(cli("inspect", bert, "--table", POSITION, "--reserved=2", "--prefix=1", "--json")[1])[
        "tables"
    ]
    assert (table["reserved"], table["prefix"], table["length"], table["uncertain"]) == (2, 1, 13, False)
    (table,) = json.loads(cli("inspect", bert, "--table", POSITION, "--grid=4x4", "--json")[1])["tables"]
    assert (table["grid"], table["kind"]) == ([4, 4], "grid")
    (table,) = json.loads(cli("inspect", vit, "--table", "embeddings.position_embeddings", "--json")[1])["tables"]
    assert (table["grid"], table["prefix"]) == ([4, 4], 1)


def test_inspect_without_a_table(tmp_path, cli):
    folder = write(tmp_path / "none", {"dense.weight": (4, 4)})
    assert cli("inspect", folder)[:2] == (0, "No learned position table was found.\n")
    assert json.loads(cli("inspect", folder, "--json")[1])["tables"] == []


@pytest.mark.parametrize(
    "name", ["[red]x[/red]", "<script>alert(1)</script>", "[/]", "[bold", "\\[x]", ":smile:", "é 日本"]
)
def test_names_are_printed_as_they_are(tmp_path, cli, name):
    key = f"{name}.position_embeddings.weight"
    folder = write(tmp_path / "odd [b]", {key: (16, 8)}, {"model_type": f"{name}", "max_position_embeddings": 16})
    code, printed, _ = cli("inspect", folder)
    assert code == 0
    assert key in printed
    assert f"sequence ({name})" in printed
    code, printed, _ = cli("extend", folder, tmp_path / "out [i]", "--to=32", "--table", key, "--reserved=0")
    assert code == 0
    assert key in printed
    assert load_file(tmp_path / "out [i]" / "model.safetensors")[key].shape == (32, 8)


@pytest.mark.parametrize("odd", ["\x1b[31mred", "a\nb", "\0", "\r", "\x07", "\x9b31m", "\u202e"])
@pytest.mark.parametrize("command", ["inspect", "extend", "wrong"])
def test_control_characters_do_not_reach_the_terminal(tmp_path, cli, odd, command):
    key = f"{odd}.position_embeddings.weight"
    folder = write(tmp_path / "odd", {key: (16, 8)}, {"model_type": odd, "max_position_embeddings": 16})
    more = {"inspect": [], "extend": [tmp_path / "out", "--to=32"], "wrong": [tmp_path / "out", "--to=16"]}[command]
    code, printed, told = cli("inspect" if command == "inspect" else "extend", folder, *more)
    assert code == (2 if command == "wrong" else 0)
    assert "position_embeddings" in printed + told
    assert all(character.isprintable() for character in (printed + told).replace("\n", ""))
    if command != "extend":  # a bar of its progress may be drawn over
        assert odd.encode("unicode_escape").decode() in printed + told
    if command == "wrong":
        one_sentence(told)


# --- extend ----------------------------------------------------------------------------------------------------------


def test_extend(bert, tmp_path, cli):
    code, printed, told = cli("extend", bert, tmp_path / "out", "--to", 32)
    assert code == 0
    for part in (
        POSITION,
        "16 × 8",
        "32 × 8",
        "tile",
        "every row below range: all are copies",
        "config.json: max_position_embeddings",
    ):
        assert part in printed
    assert told.splitlines()[-2:] == [
        f"posembed: wrote {tmp_path / 'out'}, copied bytes compared (sampled)",
        "posembed: not checked whether the copy loads: no library in this test",
    ]
    assert load_file(tmp_path / "out" / "model.safetensors")[POSITION].shape == (32, 8)


def test_extend_as_json(bert, tmp_path, cli):
    code, printed, _ = cli(
        "extend", bert, tmp_path / "out", "--to=32", "--json", "--verify=full", "--method=hierarchical", "--alpha=0.3"
    )
    assert code == 0
    document = json.loads(printed)
    assert document["out"] == str(tmp_path / "out")
    assert document["tables"][0]["shape"] == {"before": [16, 8], "after": [32, 8]}
    assert (document["tables"][0]["method"], document["tables"][0]["options"]["alpha"]) == ("hierarchical", 0.3)
    assert {(f["file"], f["field"], f["before"], f["after"]) for f in document["fields"]} == {
        ("config.json", "max_position_embeddings", 16, 32),
        ("tokenizer_config.json", "model_max_length", 16, 32),
    }


def test_a_dry_run_writes_nothing(bert, tmp_path, cli):
    code, printed, told = cli("extend", bert, tmp_path / "out", "--to=32", "--dry-run")
    assert (code, told) == (0, "posembed: dry run: nothing was written\n")
    assert "32 × 8" in printed
    code, printed, told = cli("extend", bert, tmp_path / "out", "--to=32", "--dry-run", "--json")
    assert (code, told) == (0, "posembed: dry run: nothing was written\n")
    assert json.loads(printed)["out"] is None
    assert names(tmp_path) == ["source"]


def test_a_dry_run_says_what_cannot_be_done(tmp_path, cli):
    folder = write(tmp_path / "led", {"encoder.embed_positions.weight": (16, 8)},
                   {"model_type": "led", "attention_window": [4], "max_encoder_position_embeddings": 16})  # fmt: skip
    code, printed, _ = cli("extend", folder, tmp_path / "out", "--to=18", "--dry-run")
    assert code == 2
    assert "Not supported: encoder.embed_positions.weight: LED's windowed attention" in printed
    code, _, told = cli("extend", folder, tmp_path / "out", "--to=18")
    assert code == 2
    assert "this extension is not supported" in told.splitlines()[-1]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "grid"),
    [
        (["--grid=6x4"], [6, 4]),
        (["--grid", "6X6"], [6, 6]),
        (["--image-size=48"], [6, 6]),
        (["--image-size=48x32"], [6, 4]),
        (["--grid=6×6"], [6, 6]),
    ],
)
def test_extend_a_grid(vit, tmp_path, cli, arguments, grid):
    code, printed, _ = cli("extend", vit, tmp_path / "out", "--json", *arguments)
    assert code == 0
    assert json.loads(printed)["tables"][0]["grid"] == {"before": [4, 4], "after": grid}


def test_extend_with_the_users_word(tmp_path, cli):
    folder = write(tmp_path / "mine", {"core.pos_table.position_embeddings.weight": (23, 8)}, {"model_type": "mine"})
    key = "core.pos_table.position_embeddings.weight"
    code, _, told = cli("extend", folder, tmp_path / "out", "--to=40")
    assert code == 2
    assert f"--table {key!r} and --reserved, --prefix or --table-grid" in " ".join(told.split())
    printed = cli("extend", folder, tmp_path / "out", "--to=40", "--dry-run")[1]
    assert f"Not supported: what the rows of {key}" in printed
    assert f"--table {key!r} and --reserved, --prefix or --table-grid" in " ".join(printed.split())
    code, printed, _ = cli("extend", folder, tmp_path / "out", "--to=40", "--table", key, "--reserved=3", "--json")
    assert code == 0
    assert json.loads(printed)["tables"][0]["shape"]["after"] == [43, 8]


def test_force_and_link(bert, tmp_path, cli):
    (bert / "vocab.txt").write_text("a")
    assert cli("extend", bert, tmp_path / "out", "--to=32", "--link")[0] == 0
    assert (tmp_path / "out" / "vocab.txt").samefile(bert / "vocab.txt")
    code, _, told = cli("extend", bert, tmp_path / "out", "--to=48")
    assert code == 2
    assert "exists already: choose another path, or replace it with --force" in told
    assert cli("extend", bert, tmp_path / "out", "--to=48", "--force")[0] == 0
    assert load_file(tmp_path / "out" / "model.safetensors")[POSITION].shape == (48, 8)


# --- calls that are wrong --------------------------------------------------------------------------------------------

WRONG = [
    (["--to=32", "--grid=4x4"],
        "exactly one of --to, --grid and --image-size must be given, got --to and --grid"),
    ([], "must be given, got none of them"),
    (["--to=0"], "--to 0 must be a whole number of usable positions, at least 1"),
    (["--to=-5"], "--to -5 must be"),
    (["--to=16"], "--to 16 changes nothing"),
    (["--to=8"], "--method 'crop' shortens"),
    (["--grid=four"], "--grid 'four' must be HEIGHTxWIDTH in patches, such as 24x24"),
    (["--grid=4"], "--grid '4' must be HEIGHTxWIDTH"),
    (["--grid=0x4"], "--grid '0x4' must be"),
    (["--grid=4x4x4"], "--grid '4x4x4' must be"),
    (["--grid=99999999x2"], "must be HEIGHTxWIDTH"),
    (["--image-size=big"], "--image-size 'big' must be pixels, such as 384 or 384x512 (height x width)"),
    (["--image-size=0"], "--image-size '0' must be pixels"),
    (["--grid=4x4"], "has no table of that kind"),
    (["--to=32", "--method=nonsense"], "nonsense"),
    (["--to=32", "--alpha=0.3"], "method 'tile' has no option 'alpha'"),
    (["--to=32", "--method=linear", "--keep=4"], "method 'linear' has no option 'keep'"),
    (["--to=32", "--table=nope"], "--table 'nope' is not a position table of this checkpoint; those are: " + POSITION),
    (["--to=32", "--reserved=2"],
        "--reserved, --prefix and --table-grid describe the rows of one table: name it with --table"),
    (["--to=32", "--table", POSITION, "--reserved=-1"], "--reserved -1 must not be negative"),
    (["--to=32", "--table", POSITION, "--reserved=99"], "--reserved 99 and --prefix 0 leave no position"),
    (["--to=32", "--verify=some"], "--verify 'some' must be one of sampled, full"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=[" ".join(a) or "nothing" for a, _ in WRONG])
@pytest.mark.parametrize("more", [[], ["--json"]], ids=["text", "json"])
def test_wrong_calls_of_extend(bert, tmp_path, cli, arguments, message, more):
    code, printed, told = cli("extend", bert, tmp_path / "out", *arguments, *more)
    assert (code, printed) == (2, "")
    assert message in one_sentence(told)
    assert names(tmp_path) == ["source"]


def test_an_unknown_method_lists_them_all(bert, tmp_path, cli):
    told = one_sentence(cli("extend", bert, tmp_path / "out", "--to=32", "--method=nonsense")[2])
    for name in (
        "linear",
        "cubic",
        "tile",
        "grouped",
        "hierarchical",
        "stretch",
        "repeat-last",
        "mean",
        "zeros",
        "random",
        "crop",
    ):
        assert re.search(rf"\b{name}\b", told), name


@pytest.mark.parametrize("target", ["source", "source/inner", "file", "file/inner"])
def test_wrong_places_for_the_output(bert, tmp_path, cli, target):
    (tmp_path / "file").write_text("kept")
    code, _, told = cli("extend", bert, tmp_path / target, "--to=32", "--force")
    assert code == 2
    assert told.splitlines()[-1].startswith(f"posembed: {tmp_path / target} ")
    assert names(tmp_path) == ["file", "source"]
    assert not (bert / "inner").exists()


@pytest.mark.parametrize("path", ["gone", "file.txt", "empty", "nul\x01"])
def test_wrong_checkpoints(tmp_path, cli, path):
    (tmp_path / "file.txt").write_text("text")
    (tmp_path / "empty").mkdir()
    for call in (["inspect", tmp_path / path], ["extend", tmp_path / path, tmp_path / "out", "--to=32"]):
        code, printed, told = cli(*call)
        assert (code, printed) == (2, "")
        one_sentence(told)


@pytest.mark.parametrize(
    "arguments", [["inspect"], ["extend", "x"], ["inspect", "x", "--nope"], ["extend", "x", "y", "--to=many"]]
)
def test_usage_errors(cli, arguments):
    code, printed, told = cli(*arguments)
    assert (code, printed) == (2, "")
    assert "Traceback" not in told


def test_inspect_refuses_names_that_are_not_there(bert, cli):
    for arguments in (["--table=nope"], ["--table=nope", "--reserved=2"]):
        code, printed, told = cli("inspect", bert, *arguments)
        assert (code, printed) == (2, "")
        assert "nope" in one_sentence(told)


# --- hostile checkpoints ---------------------------------------------------------------------------------------------

HOSTILE = {
    "index with ../": {"model.safetensors.index.json": '{"weight_map": {"a": "../x.safetensors"}}'},
    "index with a root": {"model.safetensors.index.json": '{"weight_map": {"a": "/etc/passwd"}}'},
    "index without shards": {"model.safetensors.index.json": '{"weight_map": {"a": "x.safetensors"}}'},
    "index of numbers": {"model.safetensors.index.json": '{"weight_map": {"a": 1}}'},
    "index that is no JSON": {"model.safetensors.index.json": "{"},
    "configuration that is a list": {"config.json": "[]", "model.safetensors": "whole"},
    "configuration that is no JSON": {"config.json": "{{", "model.safetensors": "whole"},
    "configuration of brackets": {"config.json": '{"a":' * 100_000, "model.safetensors": "whole"},
    "weights cut off": {"model.safetensors": "cut"},
    "weights that are text": {"model.safetensors": "hello"},
    "a Git LFS pointer": {"model.safetensors": "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"},
    "a pickle that is text": {"pytorch_model.bin": "hello"},
    "an empty pickle": {"pytorch_model.bin": ""},
    "modules that are no list": {"modules.json": "{}", "model.safetensors": "whole"},
    "modules outside": {"modules.json": '[{"path": "..", "type": "Transformer"}]', "model.safetensors": "whole"},
}


@pytest.mark.parametrize("files", HOSTILE.values(), ids=HOSTILE)
def test_hostile_checkpoints(bert, tmp_path, cli, files):
    whole = (bert / "model.safetensors").read_bytes()
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name, content in files.items():
        content = {"whole": whole, "cut": whole[:-9]}.get(content, content)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    for call in (["inspect", folder], ["inspect", folder, "--json"], ["extend", folder, tmp_path / "out", "--to=32"]):
        code, printed, told = cli(*call)
        assert (code in (1, 2), printed) == (True, "")
        one_sentence(told)
    assert not (tmp_path / "out").exists()


def test_a_pickle_with_code(tmp_path, cli):
    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "ran"),))

    torch.save({"wpe.weight": torch.ones(16, 8), "x": Bomb()}, tmp_path / "model.bin")
    for call in (
        ["inspect", tmp_path / "model.bin"],
        ["extend", tmp_path / "model.bin", tmp_path / "o.bin", "--to=32"],
    ):
        code, printed, told = cli(*call)
        assert (code, printed) == (1, "")
        assert "Nothing was run" in one_sentence(told)
    assert names(tmp_path) == ["model.bin"]


ODD = [None, "16", True, False, -16, 0, 16.0, 1e30, [], [16], {}, {"a": 16}, 10**30, "[red]"]


@pytest.mark.parametrize("value", ODD, ids=str)
@pytest.mark.parametrize(
    "field", ["max_position_embeddings", "pad_token_id", "model_type", "image_size", "patch_size", "text_config"]
)
def test_fields_of_wrong_types(tmp_path, cli, field, value):
    config = {
        "model_type": "roberta",
        "max_position_embeddings": 18,
        "pad_token_id": 1,
        "patch_size": 8,
        "image_size": 32,
    }
    folder = write(
        tmp_path / "odd", {POSITION: (18, 8), "vit.position_embeddings": (1, 17, 8)}, config | {field: value}
    )
    for call in (["inspect", folder], ["extend", folder, tmp_path / "out", "--to=32", "--dry-run"],
                 ["extend", folder, tmp_path / "out", "--grid=5x5", "--dry-run"]):  # fmt: skip
        code, _, told = cli(*call)
        assert code in (0, 1, 2)
        assert code == 0 or one_sentence(told)
        assert "Traceback" not in told


@pytest.mark.parametrize("value", ODD, ids=str)
@pytest.mark.parametrize(
    ("name", "wrap"),
    [
        ("tokenizer_config", lambda v: {"model_max_length": v}),
        ("tokenizer", lambda v: {"truncation": v}),
        ("tokenizer", lambda v: {"truncation": {"max_length": v}}),
        ("generation_config", lambda v: {"max_length": v}),
        ("sentence_bert_config", lambda v: {"max_seq_length": v}),
        ("tokenizer_config", lambda v: v),
    ],
)
def test_odd_tokenizer_files(bert, tmp_path, cli, name, wrap, value):
    (bert / f"{name}.json").write_text(json.dumps(wrap(value)))
    code, _, told = cli("extend", bert, tmp_path / "out", "--to=32")
    assert code in (0, 1)
    assert code == 0 or f"{name}.json" in one_sentence(told)


@pytest.mark.parametrize("value", ODD, ids=str)
@pytest.mark.parametrize("wrap", [lambda v: {"size": v}, lambda v: {"size": {"shortest_edge": v}, "crop_size": v},
                                  lambda v: {"image_processor": v}, lambda v: {"size": {"height": v,
                                   "width": 32}}])  # fmt: skip
def test_odd_image_processor_files(vit, tmp_path, cli, wrap, value):
    (vit / "preprocessor_config.json").write_text(json.dumps(wrap(value)))
    code, _, told = cli("extend", vit, tmp_path / "out", "--grid=6x6")
    assert code in (0, 1), told
