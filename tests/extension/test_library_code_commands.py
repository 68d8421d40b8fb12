"""A checkpoint's own code runs with `--trust-remote-code` alone, whatever standard input says."""

import json
import shutil

import pytest

EMBEDDER = ("BertConfig", "BertModel", "AutoModel")
CAUSAL = ("GPT2Config", "GPT2LMHeadModel", "AutoModelForCausalLM")
QUICK = ("--precision", "fp32", "--steps", 2, "--every", 1, "--batch", 2)
CALLS = {
    "evaluate": ("embedder", EMBEDDER, ("evaluate", "IN", "--tasks", "passkey", "--lengths", 64, "--documents", 4,
                                        "--pool", 2, "--precision", "fp32", "--data", "TEXTS")),
    "evaluate a language model": ("causal", CAUSAL, ("evaluate", "IN", "--lengths", 64, "--documents", 2, "--precision",
                                                     "fp32", "--data", "TEXTS")),
    "calibrate": ("embedder", EMBEDDER, ("calibrate", "IN", "OUT", "--data", "TEXTS", "--to", 128, "--range", 64,
                                         *QUICK)),
    "calibrate a language model": ("causal", CAUSAL, ("calibrate", "IN", "OUT", "--data", "TEXTS", "--to", 128,
                                                      "--range", 64, *QUICK)),
    "length-aware": ("embedder", EMBEDDER, ("extend", "IN", "OUT", "--to", 128, "--length-aware")),
    "length-aware, dry": ("embedder", EMBEDDER, ("extend", "IN", "OUT", "--to", 128, "--length-aware", "--dry-run")),
    "search": ("causal", CAUSAL, ("extend", "IN", "OUT", "--to", 128, "--data", "TEXTS")),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_code_runs_only_where_it_is_trusted(name, cli, with_code, texts, request, tmp_path):
    model, classes, words = CALLS[name]
    folder, marker = with_code(request.getfixturevalue(model), *classes)
    words = [{"IN": folder, "OUT": tmp_path / "out", "TEXTS": texts}.get(word, word) for word in words]
    code, _, told = cli(*words)
    assert code == 2
    told = " ".join(told.split())
    assert "cannot be loaded without Python code of its own (own.py, asked for by config.json: auto_map)" in told
    assert told.endswith("read it, then allow it with --trust-remote-code")
    assert "[y/N]" not in told
    assert not marker.exists()
    assert not (tmp_path / "out").exists()
    code, _, told = cli(*words, "--trust-remote-code")
    assert marker.exists(), told
    if "search" not in name and "calibrate" not in name:  # those may find nothing that is better in so few steps
        assert code == 0, told


@pytest.mark.parametrize("words", [("inspect", "IN"), ("extend", "IN", "OUT", "--to", 128)])
def test_what_loads_no_model_runs_no_code(words, cli, with_code, embedder, tmp_path):
    folder, marker = with_code(embedder, *EMBEDDER)
    code, out, told = cli(*({"IN": folder, "OUT": tmp_path / "out"}.get(word, word) for word in words))
    assert code == 0, told
    assert not marker.exists()
    assert "brings Python code of its own (own.py, asked for by config.json: auto_map)" in " ".join(out.split())


def test_a_known_architecture_is_loaded_by_its_library(cli, with_code, embedder, texts):
    """Many checkpoints name code that Transformers has had in the meantime."""
    folder, marker = with_code(embedder, *EMBEDDER)
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(content | {"model_type": "bert"}))
    words = ("evaluate", folder, "--tasks", "passkey", "--lengths", 64, "--documents", 4, "--pool", 2, "--data", texts)
    code, _, told = cli(*words, "--precision", "fp32")
    assert code == 0, told
    assert not marker.exists()


@pytest.mark.parametrize("level", ["auto", "run"])
@pytest.mark.parametrize("place", ["modules.json", "activation"])
def test_no_class_that_a_folder_names_is_imported(level, place, cli, embedder, texts, tmp_path):
    """sentence-transformers takes any class, and before version 6 asked nobody about those of a local folder."""
    folder, marker = shutil.copytree(embedder, tmp_path / "model"), tmp_path / "it-ran"
    (folder / "own_st.py").write_text(f"import pathlib\n\npathlib.Path({str(marker)!r}).touch()\n")
    modules = json.loads((folder / "modules.json").read_text())
    if place == "modules.json":
        modules[0]["type"] = "own_st.Transformer"
    else:
        modules.append({"type": "sentence_transformers.models.Dense", "path": "2_Dense", "idx": 2, "name": "2"})
        (folder / "2_Dense").mkdir()
        (folder / "2_Dense" / "config.json").write_text(json.dumps({"activation_function": "own_st.f"}))
    (folder / "modules.json").write_text(json.dumps(modules))
    code, _, told = cli("extend", folder, tmp_path / "out", "--to", 128, "--check", level)
    assert code == 0, told
    assert not marker.exists()
    code, _, told = cli("evaluate", folder, "--data", texts)
    assert code == 2, told
    wanted = (
        "names own_st.Transformer, which posembed does not run" if place == "modules.json" else "2_Dense/config.json"
    )
    assert wanted in " ".join(told.split())
    assert not marker.exists()
