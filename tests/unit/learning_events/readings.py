"""What became of an item of another form than xAPI, told the same way for each form."""

from __future__ import annotations

import json

from services.learning_events.domain.batch import ReceivedStatement, RefusedStatement
from services.learning_events.domain.derived import Reading
from services.learning_events.domain.statement import faults_of


def accepted(reading: Reading) -> ReceivedStatement:
    """Return the statement an item became, which is a valid one."""
    assert isinstance(reading, ReceivedStatement), reading
    assert not faults_of(json.loads(reading.original))
    return reading


def refused_at(reading: Reading) -> list[str]:
    """Return where an item is refused; each fault names its rule and its mend."""
    assert isinstance(reading, RefusedStatement), reading
    assert all(fault.rule and fault.mend for fault in reading.faults)
    return [fault.pointer for fault in reading.faults]
