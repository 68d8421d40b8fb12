"""The parts of a pickle as data."""

from posembed.checkpoint.formats.pickle.nodes import Call, Global, Items, Storage, children


def test_the_last_value_of_a_name_counts_as_in_python():
    assert Items(["a", 1, "b", 2, "a", 3]).get("a") == 3
    assert Items(["a", 1]).get("b") is None


def test_pairs_say_where_the_value_stands():
    assert list(Items(["a", 1, 2, "b"]).pairs()) == [(1, "a", 1), (3, 2, "b")]


def test_children_are_what_a_node_holds():
    call = Call(Global("collections", "OrderedDict"), (), "reduce")
    call.items = Items(["a", 1])
    assert list(children(call))[:2] == [call.function, ()]
    assert list(children(Storage(("storage",)))) == [("storage",)]
    assert list(children("text")) == []
