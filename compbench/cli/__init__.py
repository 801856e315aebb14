"""The command line: the arguments of each command, and what it prints."""
