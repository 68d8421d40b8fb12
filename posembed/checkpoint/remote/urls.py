"""Addresses that fsspec reads: web servers, S3, Google Cloud Storage and whatever else has a file system for it."""

from __future__ import annotations

from posembed.checkpoint.remote.address import UrlAddress
from posembed.checkpoint.remote.faults import refuse_request
from posembed.checkpoint.remote.files import UrlStore
from posembed.checkpoint.remote.web import WebStore
from posembed.errors import InvalidArgumentError, MissingExtraError, require_package

# Packages behind a scheme, and the extra that brings them; fsspec names those of others.
_PACKAGES = {
    "http": ("aiohttp", "hub"),
    "https": ("aiohttp", "hub"),
    "s3": ("s3fs", "s3"),
    "s3a": ("s3fs", "s3"),
    "gs": ("gcsfs", "gcs"),
    "gcs": ("gcsfs", "gcs"),
}


def open_url(address: UrlAddress) -> UrlStore:
    """Return the store at an address.

    Raises:
        MissingExtraError: if a package for it is not installed.
        InvalidArgumentError: for a scheme that nothing reads, or an address with nothing there.
        PosembedError: if the server cannot be reached or refuses.
    """
    require_package("fsspec", "hub", "reading a checkpoint at an address")
    package, extra = _PACKAGES.get(address.scheme, ("fsspec", "hub"))
    require_package(package, extra, f"reading {address.scheme}:// addresses")
    import fsspec

    is_web = address.scheme in ("http", "https") and "::" not in address.url
    encoded = {"encoded": True} if "%" in address.url else {}  # what is encoded, a signature too, stays as it is
    options = {"client_kwargs": {"trust_env": True}, **encoded} if is_web else {}
    try:
        system, path = fsspec.core.url_to_fs(address.url, **options)
    except ImportError as error:
        raise MissingExtraError(str(error.name or address.scheme), "hub", "reading that address") from None
    except ValueError as error:
        raise InvalidArgumentError(
            f"checkpoint={address.shown!r} has a scheme that fsspec does not know: use hf://, https://, s3:// or gs://"
        ) from error
    except Exception as error:
        raise refuse_request(address.shown, error) from None
    return (WebStore if is_web else UrlStore)(address, system, path)
