"""The parts of the side-by-side benchmark; `run` and `check.py` put them together."""
