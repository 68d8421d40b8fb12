"""Extend, then fine-tune all weights: does the start of the new rows matter, and for how long?"""
