"""Audio through a router's port forwarding."""
from acceptance import check, integration


@check("forwarded-audio", "Two namespaces, no route between phone and PBX but the forwarded RTP range: audio both ways with `media_address`")
def forwarded_audio():
    return integration("media_test", limit="both hear the other's tone (a share of the energy above 0.80), a call from each side; without it the log says why not")
