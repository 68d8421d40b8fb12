"""Search for the best extension method on validation data."""
