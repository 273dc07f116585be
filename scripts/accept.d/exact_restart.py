"""Restart in the middle: calls, ringing phones and registrations survive kill -9."""
from acceptance import check, integration


@check("restart-calls", "kill -9 in an established call and while a phone rings; started again within 2 s: BYE and re-INVITE from each side arrive, "
       "the 200 of the ringing phone arrives, a registered phone is called without a new REGISTER")
def restart_calls():
    return integration("restart_ringing_test", limit="every message arrives; 2 s from the kill to the new one's answering; no REGISTER at the PBX")
