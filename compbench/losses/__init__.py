"""One loss of a student and its teacher a file; the file's name is its name in suite files."""
