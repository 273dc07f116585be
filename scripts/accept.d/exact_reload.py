"""Exact, the reload's part: a thousand reloads lose nothing, and a broken piece changes nothing."""
from acceptance import check, integration


@check("reloads", "1,000 reloads under load lose nothing", slow=True)
def reloads():
    return integration("reload_test", "Load", environment={"POSTERN_RELOADS": "1000"}, timeout=1200,
                       limit="0 requests unanswered; bans, buckets, registrations and a call as before")


@check("broken-reloads", "A reload with any broken piece changes nothing and names the line")
def broken_reloads():
    return integration("reload_test", "Broken", limit="each at its place, and the old configuration holds")
