"""``python -m posembed`` is the command ``posembed``."""

from posembed.cli import main

if __name__ == "__main__":
    main()
