"""Single operations that Python's own pickles rarely show."""

import io

import pytest

from posembed.checkpoint.formats.pickle.nodes import Raw
from posembed.checkpoint.formats.pickle.reader import read_nodes


@pytest.mark.parametrize(
    ("code", "value"),
    [
        (b"I01\n.", True),
        (b"I00\n.", False),
        (b"I-7\n.", -7),
        (b"L8L\n.", 8),
        (b"F1.5\n.", 1.5),
        (b"S'a\\n'\n.", "a\n"),
        (b"V\\u00e9\n.", "é"),
        (b"U\x01a.", "a"),
        (b"T\x01\0\0\0a.", "a"),
        (b"K\1K\x020.", 1),  # POP
        (b"K\1(K\2K\x031.", 1),  # POP_MARK
        (b"K\1(0.", 1),  # POP of a mark
        (b"K\x012\x86.", (1, 1)),  # DUP
        (b"(K\1K\2l.", [1, 2]),
        (b"(K\1K\2d.", [1, 2]),
        (b"K\x05p3\n0g3\n.", 5),
        (b"\x80\x04\x95\0\0\0\0\0\0\0\0K\1.", 1),  # FRAME
        (b"K\1\x94K\x02\x940h\1.", 2),  # MEMOIZE
    ],
)
def test_operations(code, value):
    assert read_nodes(io.BytesIO(code), 0) == value


def test_bytes_of_python_2_stay_bytes():
    raw = read_nodes(io.BytesIO(b"U\x02\xff\xfe."), 0)
    assert isinstance(raw, Raw)
    assert raw.code == b"U\x02\xff\xfe"


def test_a_module_with_its_source_is_its_class():
    code = b"(X\x06\0\0\0modulecmine\nNet\nX\1\0\0\0fX\1\0\0\0stQ)\x81."
    assert read_nodes(io.BytesIO(code), 0).function.dotted == "mine.Net"
