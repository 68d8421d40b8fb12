"""``python -m posembed`` is the command ``posembed``."""

from posembed.cli.app import main

if __name__ == "__main__":
    main()
