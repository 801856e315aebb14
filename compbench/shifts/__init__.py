"""How inputs may come to differ from those of training, one shift a file."""
