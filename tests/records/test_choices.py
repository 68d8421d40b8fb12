"""The choices that records store are those that the code takes."""

from typing import get_args

from posembed.hardware import resolve_precision
from posembed.quality.models.kinds import KINDS
from posembed.quality.texts import load_texts
from posembed.records.choices import KindName, Precision, Split


def test_kinds_are_those_that_are_registered():
    assert set(get_args(KindName)) == {kind.name for kind in KINDS}


def test_every_precision_can_be_resolved():
    for name in get_args(Precision):
        assert resolve_precision(name, "cpu") in ("bf16", "fp32")


def test_texts_have_every_split(tmp_path):
    (tmp_path / "a.txt").write_text("".join(f"line {n} of a long text\n" for n in range(9000)), encoding="utf-8")
    assert set(load_texts(str(tmp_path / "a.txt"))) == set(get_args(Split))
