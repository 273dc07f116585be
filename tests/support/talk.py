"""A call between two real phones, with audio that is listened to; the same with and without Postern in the way."""
from .baresip import Baresip
from .sip import answer, sdp

TONE_1001, TONE_1002, TONE_1003 = 440, 1150, 1700


def phones(case, server, addresses=("127.1.0.1", "127.1.0.2")):
    """Two registered baresip phones, 1001 and 1002."""
    one = case.run_until_end(Baresip(case.folder, "1001", addresses[0], server, TONE_1001))
    two = case.run_until_end(Baresip(case.folder, "1002", addresses[1], server, TONE_1002))
    one.wait_registered()
    two.wait_registered()
    return one, two


def call(caller, callee, callee_hears, caller_hears):
    """`caller` calls, both hear the other's tone."""
    caller.dial(callee.user)
    callee.wait_event("CALL_ESTABLISHED")
    caller.wait_event("CALL_ESTABLISHED")
    callee.wait_tone(callee_hears)
    caller.wait_tone(caller_hears)


def both_hang_up_ways(one, two):
    """Two calls, one ended by the caller and one by the called; each end must reach the other side."""
    call(one, two, TONE_1001, TONE_1002)
    one.hang_up()
    two.wait_event("CALL_CLOSED")
    one.wait_event("CALL_CLOSED")
    call(one, two, TONE_1001, TONE_1002)
    two.hang_up()
    one.wait_event("CALL_CLOSED")
    two.wait_event("CALL_CLOSED")


def call_by_hand(caller, phone):
    """A call between phones of a few lines, answered with the called one's extension as its tag."""
    call = caller.invite(phone.user)
    invite, source = phone.request("INVITE")
    phone.send(answer(invite, 200, "OK", phone.user, [f"Contact: {phone.contact}"]), source)
    if (status := call.wait().status) != 200:
        raise AssertionError(f"{phone.user} took the call, and {caller.user} got {status}")
    call.ack()
    phone.request("ACK")
    return call


def take_call_by_hand(phone):
    """A phone of a few lines answers what comes, a call or a change of one, with its extension as its tag; the INVITE."""
    invite, source = phone.request("INVITE")
    phone.send(answer(invite, 200, "OK", phone.user, [f"Contact: {phone.contact}"], sdp(phone.host, phone.port + 1000)), source)
    phone.request("ACK")
    return invite
