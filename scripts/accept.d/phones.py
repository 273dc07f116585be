"""Streams and phones: TCP, TLS, WebSocket, NAT and audio, with the phones that people use. The parts stand in phones_*.py."""
from acceptance import load_parts

load_parts("phones")
