"""One ONNX file on one target: execution provider, session, machine, fresh processes."""
