"""compbench: which compression do I take? Measured on the file that would be deployed."""

__version__ = "0.1.0"
