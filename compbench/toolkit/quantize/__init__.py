"""ONNX Runtime's quantizers, and the options that techniques share."""
