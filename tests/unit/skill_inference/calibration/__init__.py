"""Calibration, on logs small enough for every run."""
