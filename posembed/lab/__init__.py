"""The lab: train small models that differ only in their position encoding."""
