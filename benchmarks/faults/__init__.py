"""Fail every call on files once, or kill the process there, and judge what is left of target and source."""
