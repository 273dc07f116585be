"""Who is registered and who talks, as the operator asks the running daemon."""
from acceptance import check, integration


@check("control", "postern registrations and calls: a real phone and its call, who may ask and who may not, 20,000 registrations listed while packets are served")
def control():
    return integration("control_test", environment={"POSTERN_BINDINGS": "20000"}, limit="each listed once, none of the packets unanswered")


@check("top-view", "postern top names the loudest source first with what became of it, and gives the terminal back however it ends")
def top_view():
    return integration("top_test", "Sources", "Live", limit="the first row is the flood's; the terminal is as it was")
