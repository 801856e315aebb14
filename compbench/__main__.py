"""`python -m compbench` is the `compbench` command."""

from compbench.cli import main

main()
