"""GGUF to ONNX. cli.py is the way in; each other file is one step or one format."""
