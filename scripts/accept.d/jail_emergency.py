"""Calls for help, which nothing stops."""
from acceptance import check, integration


@check("emergency", "An emergency call passes everything, also from a blocked device's registered flow")
def emergency():
    return integration("devices_test", "Emergency", limit="the call is answered and hung up; from anybody else 0 datagrams at the PBX")


@check("devices", "A device is served where its entry lets it, and nowhere else")
def devices():
    return integration("devices_test", "Devices", limit="403 and 0 datagrams at the PBX; explain and policy_tests say the same")
