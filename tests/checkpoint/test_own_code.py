"""Code that a checkpoint brings along is found by the files that ask for it, and nothing is run."""

import json

import pytest
from safetensors.numpy import save_file

from posembed.checkpoint.own_code import OwnCode, code_note, foreign_classes, module_types, own_code
from posembed.checkpoint.source import open_checkpoint

ST = "sentence_transformers.models."


def write(folder, name, content):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "content", "named_by"),
    [
        ("config.json", {"auto_map": {"AutoModel": "own.Model"}}, "config.json: auto_map"),
        ("config.json", {"text_config": {"auto_map": {"AutoModel": "own.M"}}}, "config.json: text_config.auto_map"),
        ("config.json", {"parts": [{"auto_map": {"AutoModel": "own.M"}}]}, "config.json: parts.0.auto_map"),
        ("config.json", {"custom_pipelines": {"own": {"impl": "own.P"}}}, "config.json: custom_pipelines"),
        ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["own.T", None]}}, "tokenizer_config.json: auto_map"),
        ("preprocessor_config.json", {"auto_map": {"AutoProcessor": "own.P"}}, "preprocessor_config.json: auto_map"),
        ("processor_config.json", {"auto_map": {"AutoProcessor": "own.P"}}, "processor_config.json: auto_map"),
        ("modules.json", [{"type": ST + "Transformer"}, {"type": "own_st.Pool"}], "modules.json: own_st.Pool"),
        ("modules.json", [{"type": "os.system"}], "modules.json: os.system"),
        ("router_config.json", {"types": {"a": "own.M"}, "structure": {}}, "router_config.json: own.M"),
        ("1_Dense/config.json", {"activation_function": "own.f"}, "1_Dense/config.json: activation_function"),
        (
            "0_Router/router_config.json",
            {"types": {"a": "own.M"}, "structure": {}},
            "0_Router/router_config.json: own.M",
        ),
        (
            "config.json",
            {"sentence_transformers": {"activation_fn": "own.f"}},
            "config.json: sentence_transformers.activation_fn",
        ),
        (
            "config_sentence_transformers.json",
            {"activation_fn": "own.f"},
            "config_sentence_transformers.json: activation_fn",
        ),
    ],
)
def test_what_asks_for_code(tmp_path, name, content, named_by):
    write(tmp_path, name, content)
    assert own_code(tmp_path, tmp_path) == OwnCode((named_by,), ())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", {"activation_function": "gelu_new", "auto_map": {}}),
        ("1_Dense/config.json", {"activation_function": "torch.nn.modules.activation.Tanh"}),
        ("modules.json", [{"type": ST + "Transformer"}, {"type": "sentence_transformers.base.modules.dense.Dense"}]),
        ("modules.json", [{"type": "posembed.integrations.sentence_transformers.LengthAwareTransformer"}]),
        ("vocab.json", {"auto_map": {"AutoModel": "a word"}}),
        ("config.json", "{"),
        ("modules.json", {"types": 3}),
        ("modules.json", ["own"]),
    ],
)
def test_what_asks_for_none(tmp_path, name, content):
    write(tmp_path, name, content)
    assert not own_code(tmp_path, tmp_path)


def test_files_are_listed_but_those_of_bookkeeping(tmp_path):
    for name in ("modeling_own.py", "custom_generate/generate.py", ".git/hook.py", "__pycache__/x.py", "notes.txt"):
        write(tmp_path, name, "")
    assert own_code(tmp_path, tmp_path).files == ("modeling_own.py", "custom_generate/generate.py")


def test_long_lists_are_cut():
    names = tuple(f"{letter}.py" for letter in "abcdef")
    assert str(OwnCode((), names)) == "a.py, b.py, c.py, d.py and 2 more"
    assert str(OwnCode(("config.json: auto_map",), names[:1])) == "a.py, asked for by config.json: auto_map"


def test_a_file_has_no_folder_of_its_own(tmp_path):
    """Beside a single file may lie anything; only the configuration that goes with it counts."""
    save_file({}, tmp_path / "model.safetensors")
    write(tmp_path, "script.py", "")
    assert code_note(open_checkpoint(tmp_path / "model.safetensors")) is None
    write(tmp_path, "config.json", {"auto_map": {"AutoModel": "own.M"}})
    note = code_note(open_checkpoint(tmp_path / "model.safetensors"))
    assert note is not None
    assert "(asked for by config.json: auto_map)" in note


def test_module_types():
    assert module_types(None) == module_types({"types": {"a": "b"}}) == []  # a Router has a structure as well


def test_files_with_vocabularies_are_not_read(tmp_path, monkeypatch):
    write(tmp_path, "config.json", {"auto_map": {"AutoModel": "own.M"}})
    monkeypatch.setattr("posembed.checkpoint.own_code._LARGEST", 10)
    assert not own_code(tmp_path, tmp_path)


def test_what_sentence_transformers_imports(tmp_path):
    write(tmp_path, "config.json", {"auto_map": {"AutoModel": "own.M"}})
    write(tmp_path, "modules.json", [{"type": ST + "Transformer"}])
    assert foreign_classes(tmp_path) == []
    write(tmp_path, "modules.json", [{"type": "own_st.Transformer"}])
    write(tmp_path, "2_Dense/config.json", {"activation_function": "own.f"})
    assert foreign_classes(tmp_path) == ["modules.json: own_st.Transformer", "2_Dense/config.json: activation_function"]
