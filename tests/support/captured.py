"""Steps of a REGISTER one by one, for tests in which somebody has captured the credentials of another."""
import re
import secrets

from .sip import Message


def new_call_id():
    return secrets.token_hex(10)


def challenge(phone):
    phone.register_cseq += 1
    return phone.ask("REGISTER", f"sip:{phone.domain}", f"<sip:{phone.user}@{phone.domain}>", phone.register_call_id, phone.register_cseq, ["Expires: 3600"],
                     authenticate=False)[0]


def send(phone, credentials):
    """The response to a REGISTER with these."""
    phone.register_cseq += 1
    phone.send(phone.build("REGISTER", f"sip:{phone.domain}", f"<sip:{phone.user}@{phone.domain}>", phone.register_call_id, phone.register_cseq,
                           ["Expires: 3600", f"Authorization: {credentials}"]), phone.server)
    return phone.response(phone.register_call_id, (phone.register_cseq, "REGISTER"))


def nonce_of(response: Message):
    return re.search(r'nonce="([^"]+)"', response.get("WWW-Authenticate")).group(1)


def same_nonce(test, phone, thief):
    """A challenge for each of them out of one second."""
    for _ in range(20):
        for_phone, for_thief = challenge(phone), challenge(thief)
        if nonce_of(for_phone) == nonce_of(for_thief):
            return for_phone.get("WWW-Authenticate"), for_thief.get("WWW-Authenticate")
    return test.fail("the stand-in PBX gives everybody who asks in the same second the same nonce")
