"""`python -m compbench` is the `compbench` command."""

from compbench.cli.main import main

main()
