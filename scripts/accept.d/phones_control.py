"""Who is registered and who talks, as the operator asks the running daemon."""
from acceptance import check, integration


@check("control", "postern registrations and calls: a real phone and its call, who may ask and who may not, 20,000 registrations listed while packets are served")
def control():
    return integration("control_test", environment={"POSTERN_BINDINGS": "20000"}, limit="each listed once, none of the packets unanswered")


@check("top", "postern top, status and /metrics, polled each second during a flood of 150,000/s, answer within a second")
def top():
    return integration("top_test", "Polled", environment={"POSTERN_TOP_FLOOD": "150000", "POSTERN_TOP_SECONDS": "10", "POSTERN_TOP_LIMIT_MS": "1000"}, limit="1,000 ms")


@check("top-view", "postern top names the loudest source first with what became of it, and gives the terminal back however it ends")
def top_view():
    return integration("top_test", "Sources", "Live", limit="the first row is the flood's; the terminal is as it was")
