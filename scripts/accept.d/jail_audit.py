"""The eight practices: weak passwords seen on the wire, `postern audit`, and what its rows say."""
from acceptance import check, integration


@check("audit", "Each audit row turns from ok to fail and back in a test")
def audit():
    return integration("audit_test", limit="8 rows: ok, fail, ok; what cannot be seen is never ok")


@check("weak-passwords", "A password that is the user name is told within a second; refused: 403 from the next REGISTER on, over a kill too, until it is changed at the PBX")
def weak_passwords():
    return integration("weak_password_test", limit="1000 ms; 403, then registered")
