"""What outlives a restart: registrations, bans and trust by kill -9, and the time that a start takes."""
from acceptance import check, integration


@check("kills", "kill -9 a hundred times at random moments under load: no ban, trust or registration lost", slow=True)
def kills():
    return integration("kill_test", "Kill.test_nothing_that_was_told_is_lost", environment={"POSTERN_KILLS": "100"}, timeout=1500,
                       limit="0 registrations, bans and known sources lost, 0 of what was taken off comes back")


@check("start", "Start in under one second with 20,000 registrations", slow=True)
def start():
    return integration("kill_test", "Kill.test_start_with_many_registrations", environment={"POSTERN_BINDINGS": "20000"}, limit="1 s from exec to listening")


@check("state-folder", "Corrupt or read-only state is a loud start without it, never a crash; a full disk stops nothing")
def state_folder():
    return integration("state_test", limit="each start answers, and says in the log what was wrong")
