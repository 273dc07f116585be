"""The jail and the eight practices."""
from acceptance import check, integration


@check("svcrack", "svcrack with the right password at position 11 is jailed before, as it comes and with an ordinary user agent")
def svcrack():
    return integration("jail_test", "Tools.test_svcrack_is_jailed_before_the_right_password", limit="not found, fewer than 11 logins at the PBX")


@check("svwar", "svwar (as it comes, and with an ordinary user agent) tells nothing")
def svwar():
    return integration("jail_test", "Tools.test_svwar_learns_nothing", limit="one answer to all, or none")


@check("guesser", "Guessing with a forged ordinary user agent is over within 20 failures and stays so over kill -9")
def guesser():
    return integration("jail_test", "Guesser", limit="20 failures")


@check("one-address", "Phones behind the guesser's NAT address keep their flows and re-register; a phone with one wrong password there blocks only itself")
def one_address():
    return integration("jail_test", "BehindOneAddress", limit="each REGISTER of the others 200")


@check("traps", "Whoever speaks to a trap, a listener or an extension, is banned with its cause")
def traps():
    return integration("jail_test", "Traps", limit="banned")


@check("run", "10 minutes with 100 registered phones that call: a guesser, an enumerator, a prefix walker, trap probes, a 20,000/s flood from 16,384 forged addresses, 20 forged packets "
       "a second in each phone's own name: no legit request refused or lost, every proven attacker banned with its cause, memory flat; trusted, PBX and own addresses never banned", slow=True)
def run():
    return integration("jail_run_test", environment={"POSTERN_JAIL_SECONDS": "600", "POSTERN_JAIL_PHONES": "100", "POSTERN_JAIL_FLOOD": "20000"},
                       limit="0 failed; each with its cause; flat within 10 %", timeout=900)


@check("audit", "Each audit row turns from ok to fail and back in a test")
def audit():
    return integration("audit_test", limit="8 rows: ok, fail, ok; what cannot be seen is never ok")


@check("weak-passwords", "A password that is the user name is told within a second; refused: 403 from the next REGISTER on, over a kill too, until it is changed at the PBX")
def weak_passwords():
    return integration("weak_password_test", limit="1000 ms; 403, then registered")


@check("classes", "5,000 destinations against the classes: verdicts equal those of a table; 00881... is not international")
def classes():
    return integration("class_of_service_test", "Table", limit="0 verdicts that differ")


@check("denied", "A call or a transfer (REFER) to a denied destination is answered 603 and never reaches the PBX")
def denied():
    return integration("class_of_service_test", "Baresip", "ByHand", limit="603, 0 requests at the PBX; limits of devices count what the PBX takes")


@check("emergency", "An emergency call passes everything, also from a blocked device's registered flow")
def emergency():
    return integration("devices_test", "Emergency", limit="the call is answered and hung up; from anybody else 0 datagrams at the PBX")


@check("devices", "A device is served where its entry lets it, and nowhere else")
def devices():
    return integration("devices_test", "Devices", limit="403 and 0 datagrams at the PBX; explain and policy_tests say the same")
