"""The registry: every name that the options offer has an encoding, and the other way round."""

import inspect

from posembed.lab.encodings import ENCODINGS
from posembed.records import compare
from posembed.records.compare import SCALED_SINUSOIDS


def test_the_registry_and_the_options_list_the_same_names_in_the_same_order():
    assert tuple(ENCODINGS) == compare.ENCODINGS
    assert all(name == encoding.name for name, encoding in ENCODINGS.items())


def test_only_named_encodings_use_the_sinusoids_size():
    using = {name for name, encoding in ENCODINGS.items() if "sinusoid_rms" in inspect.getsource(type(encoding))}
    assert using == SCALED_SINUSOIDS
