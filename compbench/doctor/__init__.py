"""The contract checks of nets, techniques and datasets, on few samples, before a long run."""
