"""Hold the product to what it did before: record what it gives, and compare two records to the last bit.

A guard for changes that must not change behavior. The scenarios go through the command line and the public names of
``import posembed`` alone, so they run with any revision that has these, wherever its modules lie::

    python -m benchmarks.golden --against REV      # the working tree against a revision, both recorded now
    python -m benchmarks.golden record FOLDER      # keep what the working tree gives
    python -m benchmarks.golden compare A B        # compare two folders that were kept on the same machine

What differs from run to run is named in ``masks``, what is meant to differ in ``deliberate``.
"""
