"""What a call that cannot be parsed says: one sentence, what is allowed, exit code 2."""

import pytest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "--steps=many"], "--steps 'many' must be a whole number"),
        (["compare", "--steps", "1.5"], "--steps '1.5' must be a whole number"),
        (["compare", "--learning-rate=fast"], "--learning-rate 'fast' must be a number"),
        (["compare", "--stepz=3"], "compare has no option --stepz; did you mean --steps?"),
        (["compare", "--no-such-thing"], "no option --no-such-thing; posembed compare --help lists the options"),
        (["compare", "--no-resume"], "compare has no option --no-resume; did you mean --resume?"),
        (["compare", "--steps"], "--steps needs a value"),
        (["compare", "--steps", "--json"], "--steps needs a value"),
        (["compare", "--precision"], "--precision needs a value, one of auto, bf16, fp32"),
        (["compare", "--precision=bf61"], "--precision 'bf61' must be one of auto, bf16, fp32; did you mean bf16?"),
        (["compare", "--model=gpt"], "--model 'gpt' must be one of decoder, encoder"),
        (["compare", "--encodings=rope,x"], "--encodings 'rope,x' has the unknown name 'x'; choose from learned,"),
        (["compare", "extra"], "compare takes no further argument 'extra'; see posembed compare --help"),
        (["compare", "--resume=perhaps"], "--resume 'perhaps' is a switch and takes no value"),
        (["inspect", "a", "--json=1"], "--json '1' is a switch and takes no value"),
        (["inspect", "a", "--no-values=true"], "--no-values 'true' is a switch and takes no value"),
        (["extend", "a", "b", "--antialias=none"], "--antialias 'none' is a switch and takes no value"),
        (["extend"], "extend needs the argument CHECKPOINT; see posembed extend --help"),
        (["extend", "model"], "extend needs the argument OUT; see posembed extend --help"),
        (["extend", "a", "b", "--to=3", "--kernel=line"], "--kernel 'line' must be one of linear, cubic; did you mean"),
        (["extend", "a", "b", "--grid=3"], "--grid '3' must be HEIGHTxWIDTH in patches, such as 24x24"),
        (["extend", "a", "b", "--image-size=big"], "--image-size 'big' must be pixels, such as 384 or 384x512"),
        (["extend", "--checkpoint=a", "b"], "extend has no option --checkpoint"),
        (["evaluate", "a", "--lengths=5,many"], "--lengths '5,many' must be whole numbers with commas, such as"),
        (["calibrate", "model", "out"], "calibrate needs --data; see posembed calibrate --help"),
        (["evalaute"], "there is no command 'evalaute'; did you mean evaluate?"),
        (["nothing"], "there is no command 'nothing'; choose from inspect, extend, evaluate, calibrate, compare"),
        (["nothing", "--help"], "there is no command 'nothing'; choose from inspect"),
        (["--verbose"], "there is no option --verbose; posembed --help lists the commands"),
    ],
)  # fmt: skip
def test_one_sentence_that_says_what_is_allowed(cli, arguments, message):
    code, printed, told = cli(*arguments)
    assert (code, printed) == (2, "")
    (sentence,) = told.splitlines()
    assert sentence.startswith("posembed: ")
    assert message in sentence


def test_what_a_terminal_would_obey_is_escaped(cli):
    code, _, told = cli("compare", "--steps=\x1b[31m")
    assert code == 2
    assert "\x1b" not in told
