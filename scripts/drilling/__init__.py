"""The parts of scripts/drill. Python's standard library alone."""
