"""Looking into ONNX files: export, graph, size, weights, multiply-accumulates, parity."""
