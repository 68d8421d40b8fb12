"""Extend position tables: plan, rewrite a checkpoint, or change a model in memory."""
