"""Mistyped keywords of everything that extends, and keywords that are options of a registered method."""

import numpy as np
import pytest

from posembed import TokenPositionEmbedding, extend_checkpoint, extend_model, plan_extension, register_method
from posembed.errors import ArgumentTypeError, InvalidArgumentError
from posembed.extension.live import extend_in_place
from posembed.extension.method_keywords import refuse_unknown_keywords
from posembed.records.extend import PlanOptions


@pytest.mark.parametrize(
    ("keyword", "sentence"),
    [
        ("methd", "there is no option 'methd'; did you mean 'method'?"),
        ("lenght_aware", "there is no option 'lenght_aware'; did you mean 'length_aware'?"),
        ("rnage", "there is no option 'rnage'; did you mean 'range'?"),
        ("zzz", "there is no option 'zzz'; the options are length, grid, image_size, method, tables"),
    ],
)
def test_the_nearest_name_is_offered(tmp_path, keyword, sentence):
    """Before any file is opened: there is none."""
    model = TokenPositionEmbedding(10, 8, 4)
    calls = [
        lambda **more: extend_checkpoint(tmp_path / "none", tmp_path / "out", 16, **more),
        lambda **more: extend_model(model, 16, **more),
    ]
    if keyword != "lenght_aware":  # not an option of these
        calls += [
            lambda **more: plan_extension(tmp_path / "none", 16, **more),
            lambda **more: extend_in_place(model, 16, **more),
        ]
    for call in calls:
        with pytest.raises(ArgumentTypeError) as refused:
            call(**{keyword: True})
        assert str(refused.value).startswith(sentence)


@pytest.mark.usefixtures("own_methods")
def test_options_of_a_registered_method_are_keywords():
    def fading(rows, new, *, fade_out=0.5):
        return np.resize(rows, (new, rows.shape[1])) * fade_out

    register_method("fading", fading, formula="P · fade_out")
    refuse_unknown_keywords(PlanOptions.of(None, {"length": 16, "fade_out": 0.25}))
    model = TokenPositionEmbedding(10, 8, 4)
    extend_model(model, 16, method="fading", fade_out=0.25)
    with pytest.raises(InvalidArgumentError, match="method 'tile' has no option 'fade_out': its options are range"):
        extend_model(model, 32, method="tile", fade_out=0.25)
    with pytest.raises(ArgumentTypeError, match=r"there is no option 'fade_ot'; did you mean 'fade_out'?"):
        extend_model(model, 32, method="fading", fade_ot=0.25)
