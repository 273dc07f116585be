"""Who is registered and who talks, as the operator asks the running daemon."""
from acceptance import check, integration


@check("control", "postern registrations and calls: a real phone and its call, who may ask and who may not, 20,000 registrations listed while packets are served")
def control():
    return integration("control_test", environment={"POSTERN_BINDINGS": "20000"}, limit="each listed once, none of the packets unanswered")
