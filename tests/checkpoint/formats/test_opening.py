"""Which files are weight files of other formats."""

from posembed.checkpoint.formats.opening import ENDINGS, is_weight_file


def test_endings_are_told_whatever_their_case(tmp_path):
    assert all(is_weight_file(tmp_path / f"a{ending.upper()}") for ending in ENDINGS)
    assert not is_weight_file(tmp_path / "a.safetensors")
