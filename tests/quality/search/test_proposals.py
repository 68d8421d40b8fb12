"""Proposals in words: what the command line translates must be complete."""

from posembed.cli.names import in_options
from posembed.quality.search.proposals import described, forced


def test_a_method_without_options_stands_alone():
    assert (described("tile", {}), forced("tile", {})) == ("tile", "method='tile'")


def test_what_forces_a_method_becomes_options_of_the_command():
    names = {"method": "--method", "range": "--range", "kernel": "--kernel"}
    words = forced("stretch", {"range": 8, "kernel": "cubic"})
    assert in_options(words, names) == "--method 'stretch', --range 8, --kernel 'cubic'"
