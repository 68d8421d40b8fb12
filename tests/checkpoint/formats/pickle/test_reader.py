"""Pickles are read as data: every protocol, nothing called, and nothing out of proportion."""

import argparse
import collections
import io
import pickle
import pickletools
import struct
import time

import pytest

from posembed.checkpoint.formats.pickle.machine import FREE_OPERATIONS
from posembed.checkpoint.formats.pickle.nodes import Call, Items, Members, PickleFaultError, Raw, UnsafePickleError
from posembed.checkpoint.formats.pickle.reader import read_nodes

PLAIN = [1, -1, 300, 2**40, -(2**200), 1.5, "é", "", None, True, False, (), (1,), (1, 2, 3, 4), [[], [1]], "a\nb'"]


def read(data, size=0):
    return read_nodes(io.BytesIO(data), size)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_values_of_every_protocol(value, protocol):
    assert read(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("protocol", range(6))
def test_mappings_sets_and_bytes(protocol):
    assert list(read(pickle.dumps({"a": 1, 2: [3]}, protocol))) == ["a", 1, 2, [3]]
    assert isinstance(read(pickle.dumps({}, protocol)), Items)
    members = read(pickle.dumps({7}, protocol))
    assert members == [7] if isinstance(members, Members) else members.arguments == ([7],)
    content = read(pickle.dumps(b"\xff\0", protocol))
    assert content == b"\xff\0" if isinstance(content, bytes) else content.function.dotted == "_codecs.encode"


@pytest.mark.parametrize("protocol", range(6))
def test_objects_keep_their_state(protocol):
    call = read(pickle.dumps(argparse.Namespace(img_size=224), protocol))
    assert call.state == ["img_size", 224]
    ordered = read(pickle.dumps(collections.OrderedDict(a=1), protocol))
    assert ordered.items == ["a", 1]


def test_shared_parts_are_one_node():
    part = [1]
    one, other = read(pickle.dumps((part, part), 2))
    assert one is other


class Bomb:
    """Would print where somebody loads it."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(("function", "name"), [(print, "print"), (eval, "eval"), (time.sleep, "time.sleep")])
def test_calls_are_refused_by_name(function, name, protocol):
    with pytest.raises(UnsafePickleError, match=name):
        read(pickle.dumps(Bomb(function, "1"), protocol))


@pytest.mark.parametrize(
    "code",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"(S'true'\nios\nsystem\n.",
        b"(cos\nsystem\nS'true'\no.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
        b"ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\nNNNtR.",
        b"ctorch._tensor\n_rebuild_from_type_v2\n(ctime\nsleep\nNNNtR.",
        b"ccollections\nOrderedDict\n)RR.",
    ],
)
def test_every_way_of_calling_is_refused(code):
    with pytest.raises((UnsafePickleError, PickleFaultError)):
        read(code)


def huge_marks():
    return b"(" * 3_000_000 + b"."


def doubling_list():
    return b"]q\0" + b"(h\0h\0e" * 3_000_000 + b"."


@pytest.mark.parametrize("data", [huge_marks(), doubling_list(), b"]" * 2_000_000 + b"."])
def test_more_operations_than_a_file_of_that_size_needs(data):
    with pytest.raises(PickleFaultError, match=f"more than {FREE_OPERATIONS} operations"):
        read(data)


def test_a_larger_file_may_have_more_operations():
    data = b"]" + b"Na" * FREE_OPERATIONS + b"."
    assert len(read(data, 256 * FREE_OPERATIONS)) == FREE_OPERATIONS


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02X\xff\xff\xff\x7fabc.",  # two billion bytes of text that are not there
        b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62) + b".",
        b"\x80\x04\x8b\xff\xff\xff\x7f.",
        b"\x80\x02T\xff\xff\xff\xff.",  # less than none
        b"I" + b"9" * 5000 + b"\n.",  # Python's own limit of digits
        b"c" + b"a" * (1 << 17) + b"\nb\n.",
    ],
)
def test_sizes_that_are_not_there(data):
    with pytest.raises(PickleFaultError):
        read(data)


def test_a_huge_place_in_the_memo_takes_no_memory():
    assert read(b"]r\xff\xff\xff\xff.") == []


def test_deep_and_doubling_structures_are_not_hashed_or_compared():
    deep = b")" + b"\x85" * 100_000
    read(deep + b".")
    read(b"}" + deep + b"Ns.")
    read(b"}" + b")" + b"2\x86" * 1000 + b"Ns.")


def test_long_text_and_numbers_stay_as_they_are():
    text = "é" * 1000
    raw = read(pickle.dumps(text, 2))
    assert isinstance(raw, Raw)
    assert raw.code[5:].decode() == text
    assert isinstance(read(pickle.dumps(1 << 4000, 2)), Raw)
    assert read(pickle.dumps("a" * 1000, 2)) == "a" * 1000


@pytest.mark.parametrize(
    "data", [b"", b".", b"K.", b"a.", b"s.", b"t.", b"h\1.", b"]]s.", b"}Na.", b"Nb.", b"(K\1d.", b"\x80\x09."]
)
def test_damage_is_one_kind_of_error(data):
    with pytest.raises(PickleFaultError):
        read(data)


def test_every_operation_of_a_checkpoint_is_known():
    left_out = {"PERSID", "EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER", "STOP"}
    from posembed.checkpoint.formats.pickle.operations import OPERATIONS

    named = {code.name for code in pickletools.opcodes if code.code.encode("latin-1") not in OPERATIONS}
    assert named == left_out


def test_a_call_of_what_was_called_is_refused():
    assert isinstance(read(b"ccollections\nOrderedDict\n)R."), Call)
    with pytest.raises(UnsafePickleError, match="computes"):
        read(b"ccollections\nOrderedDict\n)R)R.")
