"""Mutate the heuristics of the package and count how many mutants the tests notice."""
