"""Simulations with known truth, one a file: how often a verdict of compbench is wrong.

`python -m tests.simulations` makes them all and writes their table into docs/measurement.md;
`python -m tests.simulations 500 recommendation` makes one with 500 trials and only prints it. Each
module but `rate` has a function `rates(trials)`; a test makes all of them with few trials.
"""
