"""``python -m data_scripts``."""

import sys

from data_scripts.command import main

if __name__ == "__main__":
    sys.exit(main())
