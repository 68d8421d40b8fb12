"""Which rows of a position table were trained, inferred from the table alone."""

from posembed.tables.trained_range.detect import TrainedRange, range_of, trained_range

__all__ = ["TrainedRange", "range_of", "trained_range"]
