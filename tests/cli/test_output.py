"""What the commands share: the next step, messages, JSON."""

import json

import pytest

from posembed.cli.output import offer_evaluation, print_json, say


def text_model(folder, architectures=("GPT2LMHeadModel",)):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"architectures": architectures}))
    return folder


def test_the_next_step_can_be_pasted(tmp_path, capsys):
    out = text_model(tmp_path / "it's long")
    offer_evaluation(out, tmp_path / "my model")
    quoted = str(out).replace("'", "'\"'\"'")
    assert capsys.readouterr().err == (
        f"posembed: next: posembed evaluate '{quoted}' --original '{tmp_path / 'my model'}'\n"
    )


def test_it_is_offered_for_every_kind_that_can_be_evaluated(tmp_path, capsys):
    names = [f"Some{ending}" for ending in ("ForCausalLM", "LMHeadModel", "ForMaskedLM")]
    for name in names:
        offer_evaluation(text_model(tmp_path / name, [name]), tmp_path)
        assert f"posembed evaluate {tmp_path / name}" in capsys.readouterr().err


def test_sentence_transformers_are_recognized_by_their_modules(tmp_path, capsys):
    (tmp_path / "modules.json").write_text("[]")
    offer_evaluation(tmp_path, tmp_path)
    assert "posembed evaluate" in capsys.readouterr().err


@pytest.mark.parametrize(
    "config", ['{"architectures": ["ViTForImageClassification"]}', "{}", "[]", "{", '{"architectures": 3}', None]
)
def test_other_checkpoints_get_no_offer(tmp_path, capsys, config):
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    offer_evaluation(tmp_path, tmp_path)
    assert capsys.readouterr().err == ""


def test_a_message_is_one_safe_line(capsys):
    say("a\nb\x1b[31m")
    assert capsys.readouterr().err == "posembed: a\\nb\\x1b[31m\n"


def test_json_has_no_nan(capsys):
    print_json({"a": [1, 2.5, None]})
    assert json.loads(capsys.readouterr().out) == {"a": [1, 2.5, None]}
    print_json({"a": [float("nan"), {"b": (float("-inf"), 1.5)}]})
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == {"a": ["nan", {"b": ["-inf", 1.5]}]}
