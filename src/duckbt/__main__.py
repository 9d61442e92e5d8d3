"""``python -m duckbt`` is ``duckcli``."""

from duckbt.cli.app import main

main()
