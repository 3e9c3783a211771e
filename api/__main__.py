"""``python -m api``: the ``chiptrail`` command without its installed script."""

import sys

from api.cli import main

sys.exit(main())
