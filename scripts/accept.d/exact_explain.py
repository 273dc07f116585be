"""What explain says is what the daemon does."""
from acceptance import check, integration


@check("explain", "40 verdicts of explain over a rich file equal what the running daemon does with the same packets")
def explain():
    return integration("explain_test", "Explain", limit="40 of 40: verdict, status, reason, ban; the same from a capture of it")
