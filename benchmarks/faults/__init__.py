"""Fail every call on files once, or kill the process there: is the target absent, old or whole, and the source equal?"""
