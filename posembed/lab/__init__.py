"""The lab: small models trained alike, only the position encoding differs."""
