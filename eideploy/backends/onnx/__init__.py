"""ONNX: the float network and the integer program as graphs that any runtime executes."""

FLOAT, INTEGER = "model.onnx", "model.int.onnx"
