"""Streams and phones: TCP, TLS, WebSocket, NAT and audio, with the phones that people use. The parts stand in phones_*.py."""
import importlib.util
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
for part in sorted(HERE.glob("phones_*.py")):
    spec = importlib.util.spec_from_file_location(part.stem, part)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
