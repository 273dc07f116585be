"""The search for hidden names in what leaves."""
from .sip import Message


def leaks(datagram, secrets):
    """Those of `secrets` that a datagram shows outside of SDP."""
    message = Message(datagram)
    head = datagram[:len(datagram) - len(message.body)]
    searched = head if message.get("Content-Type", "").lower().startswith("application/sdp") else datagram
    return [secret for secret in secrets if secret in searched]
