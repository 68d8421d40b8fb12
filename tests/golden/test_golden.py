"""The comparer of ``benchmarks.golden`` notices what changed, and overlooks only what its two tables name."""

import copy
import json
import math

import pytest

from benchmarks.golden.__main__ import main
from benchmarks.golden.deliberate import Accepted, Added, Deliberate, Renamed, Reworded
from benchmarks.golden.difference import compare_folders
from benchmarks.golden.masks import MASKS
from benchmarks.golden.scenarios import GROUPS

RECORDS = {
    "inspect": {
        "one": {"exit": 0, "json": {"created": "now", "tables": [{"usable_length": 512, "norm": 0.1}]}, "files": {}},
        "two": {"exit": 0, "text": "│ rows   │ 512 positions │\n│ usable │ 512 │\n", "error": "", "files": {}},
    },
    "extend": {
        "three": {"exit": 0, "files": {"three/model.safetensors": {"sha256": "ab"}, "three/a.json": {"json": [1]}}}
    },
    "messages": {"four": {"exit": 2, "text": "", "error": "posembed: no such thing", "files": {}}},
}
NOTHING = Deliberate()


@pytest.fixture
def sides(tmp_path):
    """Writes two folders of records, the second as a function changes it, and compares them."""

    def write(name, records):
        (tmp_path / name).mkdir(exist_ok=True)
        for group, content in records.items():
            (tmp_path / name / f"{group}.json").write_text(json.dumps(content))
        return tmp_path / name

    def compare(change=None, deliberate=NOTHING, before=RECORDS, **settings):
        after = copy.deepcopy(before)
        if change is not None:
            change(after)
        found = compare_folders(write("a", before), write("b", after), deliberate, MASKS, **settings)
        return [(d.scenario, d.path) for d in found.differences], found

    return compare


def put(group, scenario, *path, value):
    def change(records):
        place = records[group][scenario]
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value

    return change


def test_equal_records_are_equal(sides):
    found, comparison = sides()
    assert found == []
    assert comparison.scenarios == 4


@pytest.mark.parametrize(
    ("one", "other"), [(0.1, math.nextafter(0.1, 1)), (0.0, -0.0), (1, 1.0), (1, True), (0, None), (0.1, "0.1")]
)
def test_a_changed_number(sides, one, other):
    """To the last bit, with the sign of zero, and the kind of number."""
    path = ("inspect", "one", "json", "tables", 0, "norm")
    before = copy.deepcopy(RECORDS)
    put(*path, value=one)(before)
    assert sides(before=before)[0] == []
    assert sides(put(*path, value=other), before=before)[0] == [("inspect/one", "json/tables/0/norm")]


def test_a_missing_file_and_a_new_one(sides):
    found, _ = sides(lambda records: records["extend"]["three"]["files"].pop("three/model.safetensors"))
    assert found == [("extend/three", "files/three/model.safetensors/sha256")]
    found, _ = sides(put("extend", "three", "files", "three/more", value={"sha256": "cd"}))
    assert found == [("extend/three", "files/three/more/sha256")]


def test_changed_bytes_and_what_can_be_read_in_them(sides):
    found, _ = sides(put("extend", "three", "files", "three/a.json", "json", value=[2]))
    assert found == [("extend/three", "files/three/a.json/json/0")]


def test_a_changed_exit_code(sides):
    assert sides(put("inspect", "two", "exit", value=1))[0] == [("inspect/two", "exit")]
    assert sides(put("messages", "four", "exit", value=1))[0] == [("messages/four", "exit")]


def test_a_missing_scenario(sides):
    assert sides(lambda records: records["inspect"].pop("two"))[0] == [("inspect/two", "")]


def test_the_order_of_keys(sides):
    def turn(records):
        tables = records["inspect"]["one"]["json"]["tables"]
        tables[0] = dict(reversed(tables[0].items()))

    assert sides(turn)[0] == [("inspect/one", "order of keys")]


def test_the_order_of_keys_beside_a_new_one(sides):
    def turn(records):
        table = records["inspect"]["one"]["json"]["tables"][0]
        records["inspect"]["one"]["json"]["tables"][0] = {"new": 1, **dict(reversed(table.items()))}

    meant = Deliberate(added=(Added("json/tables/*/new", "why"),))
    assert sides(turn, meant)[0] == [("inspect/one", "order of keys")]


def test_words_are_compared_on_demand(sides):
    change = put("messages", "four", "error", value="posembed: there is no such thing")
    assert sides(change)[0] == []
    assert sides(change, words=True)[0] == [("messages/four", "error")]


def test_only_some_groups(sides):
    assert sides(put("inspect", "two", "exit", value=1), only=["extend"])[0] == []


def test_a_masked_value_may_change_but_not_go(sides):
    assert sides(put("inspect", "one", "json", "created", value="later"))[0] == []
    found, _ = sides(lambda records: records["inspect"]["one"]["json"].pop("created"))
    assert found == [("inspect/one", "json/created")]


def rename(records):
    table = records["inspect"]["one"]["json"]["tables"][0]
    records["inspect"]["one"]["json"]["tables"][0] = {"positions": table["usable_length"], "norm": table["norm"]}


RENAMED = Renamed("json/tables/*/usable_length", "json/tables/*/positions", "a shorter name")


def test_a_renamed_key(sides):
    assert len(sides(rename)[0]) == 2
    found, comparison = sides(rename, Deliberate(renamed=(RENAMED,)))
    assert found == []
    assert comparison.used == {RENAMED}


def test_a_renamed_key_must_hold_the_old_value(sides):
    def change(records):
        rename(records)
        records["inspect"]["one"]["json"]["tables"][0]["positions"] = 513

    assert sides(change, Deliberate(renamed=(RENAMED,)))[0] == [("inspect/one", "json/tables/0/positions")]


def test_reworded_text_may_move_within_its_frame(sides):
    meant = Deliberate(reworded=(Reworded("usable", "usable length", "clearer"),))
    change = put("inspect", "two", "text", value="│ rows          │ 512 positions │\n│ usable length │ 512 │\n")
    assert sides(change)[0] == [("inspect/two", "text")]
    assert sides(change, meant)[0] == []
    change = put("inspect", "two", "text", value="│ rows          │ 513 positions │\n│ usable length │ 512 │\n")
    assert sides(change, meant)[0] == [("inspect/two", "text")]


def test_accepted_differences_by_path_scenario_and_text(sides):
    change = put("inspect", "two", "error", value="a warning of a library")
    for path, scenario, text, count in (
        ("error", "t*", "library", 0),
        ("*", "*", "", 0),
        ("error", "one", "", 1),
        ("text", "two", "", 1),
        ("error", "two", "another", 1),
    ):
        meant = Deliberate(accepted=(Accepted(path, "why", text=text, scenario=scenario),))
        assert len(sides(change, meant)[0]) == count


def test_an_added_value_may_neither_change_nor_go(sides):
    path = "json/tables/0/norm"
    meant = Deliberate(added=(Added("json/tables/*/norm", "why", scenario="one"),))
    put_norm = ("inspect", "one", "json", "tables", 0, "norm")
    without = copy.deepcopy(RECORDS)
    del without["inspect"]["one"]["json"]["tables"][0]["norm"]
    assert sides(put(*put_norm, value=0.1), before=without)[0] == [("inspect/one", path)]
    found, comparison = sides(put(*put_norm, value=0.1), meant, before=without)
    assert found == []
    assert comparison.used == set(meant.added)
    assert sides(put(*put_norm, value=0.2), meant)[0] == [("inspect/one", path)]
    assert sides(lambda records: records["inspect"]["one"]["json"]["tables"][0].pop("norm"), meant)[0] == [
        ("inspect/one", path)
    ]


def test_entries_that_nothing_needed_are_known(sides):
    meant = Deliberate(renamed=(RENAMED,), accepted=(Accepted("exit", "why"),))
    assert sides(rename, meant)[1].unused(meant) == [Accepted("exit", "why")]


def test_the_command(sides, tmp_path, capsys):
    sides(put("inspect", "one", "json", "tables", 0, "norm", value=0.2))
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "a")], Deliberate()) == 0
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")], Deliberate()) == 1
    printed = capsys.readouterr().out
    assert "inspect/one  json/tables/0/norm" in printed
    assert "before: 0.1" in printed
    assert "after:  0.2" in printed


@pytest.mark.parametrize("call", [[], ["record"], ["compare", "a"], ["compare", "no", "where"], ["--only", "nothing"]])
def test_wrong_calls_end_with_2(call):
    with pytest.raises(SystemExit) as end:
        main(call)
    assert end.value.code == 2


def test_names_of_scenarios_are_used_once(monkeypatch):
    monkeypatch.setenv("GOLDEN_INPUTS", "inputs")
    for group, make in GROUPS.items():
        names = [scenario.name for scenario in make()]
        assert len(names) == len(set(names)), group
        assert not any("/" in name for name in names)
