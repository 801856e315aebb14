"""The checks of a gate: one file each, found by its name (`gate/check.py` has their base)."""
