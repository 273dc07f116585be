"""The jail and the eight practices. The parts that are many lines by themselves stand in jail_*.py."""
from acceptance import check, integration, load_parts

load_parts("jail")


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
