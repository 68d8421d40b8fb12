"""Which package reads an address, and what is said where there is none."""

import sys

import pytest

from posembed.checkpoint.remote.address import UrlAddress
from posembed.checkpoint.remote.urls import open_url
from posembed.errors import InvalidArgumentError, MissingExtraError


@pytest.mark.parametrize(
    ("url", "package", "extra"),
    [
        ("https://example.org/m", "aiohttp", "hub"),
        ("s3://bucket/m", "s3fs", "s3"),
        ("gs://bucket/m", "gcsfs", "gcs"),
        ("https://example.org/m", "fsspec", "hub"),
    ],
)
def test_a_package_that_is_missing_is_named_with_its_extra(url, package, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"'{package}', which is not installed: run .*posembed\[{extra}\]"):
        open_url(UrlAddress(url))


def test_a_scheme_that_nothing_reads():
    with pytest.raises(InvalidArgumentError, match=r"'nonsense://x' has a scheme that fsspec does not know: use hf://"):
        open_url(UrlAddress("nonsense://x"))
