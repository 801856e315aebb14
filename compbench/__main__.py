"""`python -m compbench` is the `compbench` command."""

import os
import sys

if sys.path[:1] in ([""], [os.getcwd()]):  # by `-m`: no file here is to be taken for a library
    del sys.path[0]

from compbench.cli.main import main

main()
