"""The names of options, and messages translated to them."""

import pytest

from posembed.cli.app import COMMANDS, app
from posembed.cli.command import names_of
from posembed.cli.names import OPTIONS, in_options, option_name

NAMES = {"length": "--to", "keep": "--keep", "values": "--values", "tables": "--table", "checkpoint": "CHECKPOINT"}


@pytest.mark.parametrize(
    ("argument", "option"),
    [("length", "--to"), ("tables", "--table"), ("train_length", "--train-length"), ("compile", "--compile"),
     ("as_json", "--json"), ("range", "--range"), ("range_", "--range"), ("d_model", "--d-model")],
)  # fmt: skip
def test_option_names(argument, option):
    assert option_name(argument) == option


@pytest.mark.parametrize(
    ("message", "translated"),
    [
        ("length=512 changes nothing", "--to 512 changes nothing"),
        ("length=-5 must be positive", "--to -5 must be positive"),
        ("set `keep` or `length`.", "set --keep or --to."),
        ("`keep`=3", "--keep=3"),
        ("tables='a.b' is unknown", "--table 'a.b' is unknown"),
        ("tables=['a', 'b'] are", "--table ['a', 'b'] are"),
        ("leave values=False out", "leave --no-values out"),
        ("with values=True, or", "with --values, or"),
        ("keep=None is", "no --keep is"),
        ("checkpoint='x' does not exist", "CHECKPOINT 'x' does not exist"),
        ("(keep=1, length=2)", "(--keep 1, --to 2)"),
        # What is not an argument of the command stays.
        ("window=3 and `window`", "window=3 and `window`"),
        ("model.length=3", "model.length=3"),
        ("'length=3' in the file", "'length=3' in the file"),
        ("upkeep=3", "upkeep=3"),
        ("length == 3", "length == 3"),
        ("Falsehood keep=Falsehood", "Falsehood --keep Falsehood"),
    ],
)
def test_messages(message, translated):
    assert in_options(message, NAMES) == translated


def test_every_name_of_the_table_is_an_argument_of_a_command():
    known = {name for command in COMMANDS for name in names_of(app[command].default_command)}
    assert set(OPTIONS) <= known
