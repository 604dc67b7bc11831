"""`python -m deedlog.verifier`: the verifier's commands without anything else of Deedlog."""

from __future__ import annotations

import sys

from .cli import main

sys.exit(main())
