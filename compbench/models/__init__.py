"""One model family a file; the file's name is its name in suite files."""
