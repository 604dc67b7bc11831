"""How a calibration release is made: from the outcomes and marks of everybody, in a process of its own, on arrays."""
