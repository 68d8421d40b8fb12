"""Results turned into text and pictures; reads results, trains nothing."""
