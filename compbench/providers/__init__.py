"""The execution providers of ONNX Runtime that a target can name: one file each."""
