"""The issuer and the record in a process of their own that ends hard; see the record's child."""

from __future__ import annotations

from tests.suites.credential_issuing.house import PARTS
from tests.suites.record_log.child import main

if __name__ == "__main__":
    main(PARTS)
