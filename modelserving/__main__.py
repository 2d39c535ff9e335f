"""``python -m modelserving`` is the same as ``modelserving``."""

from modelserving.cli import main

main()
