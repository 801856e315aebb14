"""The sections of a report, one a file: every file here with a class `Section` is one."""
