import numpy as np

from posembed.layout import TableLayout
from posembed.report.html.view_charts import heat_chart, patch_chart, space_chart
from posembed.tables.measures.plot_data import table_views
from tests.fixtures.cards import measured_card


def test_the_heat_map_travels_whole():
    heat = heat_chart(measured_card(40, 8).views, ": first")
    assert heat.title == "Cosine similarity of positions: first"
    assert heat.data["matrix"]["shape"] == [40, 40]
    assert heat.data["starts"] == list(range(40))
    assert heat.reading.startswith("Every row, centered: neighbors have cosine 0.")


def test_blocks_of_a_large_table():
    heat = heat_chart(table_views(np.random.default_rng(0).standard_normal((600, 4))))
    assert (heat.data["block"], heat.data["matrix"]["shape"]) == (3, [200, 200])
    assert heat.reading.startswith("Means over blocks of 3 positions, centered")


def test_negative_numbers_have_a_true_minus_sign():
    heat = heat_chart(table_views(np.array([[1.0, 0.0], [-1.0, 0.0]])))
    assert heat.reading.endswith("neighbors have cosine −1.00 on average, all pairs −1.00.")
    level = heat_chart(table_views(np.eye(3000)[:, :3000][:256] * 1.0))
    assert "-" not in level.reading.split("centered")[1]
    assert "−0.00" not in level.reading


def test_reasons_in_place_of_a_heat_map():
    assert "one position" in heat_chart(table_views(np.ones((1, 4)))).empty
    assert "all rows are equal" in heat_chart(table_views(np.ones((5, 4)))).empty


def test_the_main_components():
    space = space_chart(table_views(np.random.default_rng(0).standard_normal((20, 2))))
    assert [len(axis) for axis in space.data["axes"]] == [20, 20, 20]
    assert space.data["axes"][2] == [0.0] * 20  # two directions only
    assert space.reading.count("%") == 2
    assert space_chart(table_views(np.ones((5, 4)))).empty
    assert space_chart(table_views(np.eye(2))).empty


def test_a_patch_can_be_chosen():
    views = measured_card(24, 8, TableLayout(grid=(4, 6))).views
    patch = patch_chart(views, (4, 6))
    assert patch.choice == (4, 6, 1)
    assert patch.data["grid"] == [4, 6]
    assert patch.data["matrix"]["shape"] == [24, 24]
    assert "can be chosen" not in patch.reading
    equal = table_views(np.ones((24, 8)), TableLayout(grid=(4, 6)))
    assert patch_chart(equal, (4, 6)).empty == "all rows are equal"
