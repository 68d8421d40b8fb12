"""Which model types are held out: never looked at while a recognizer is written, only scored."""

from hashlib import sha256

HELD_OUT_ONE_IN = 5


def held_out(model_type: str) -> bool:
    """Say whether a model type belongs to the fifth that is scored but not studied."""
    return int(sha256(f"posembed-census:{model_type}".encode()).hexdigest(), 16) % HELD_OUT_ONE_IN == 0
