"""Class of service: what a device may have the PBX call."""
from acceptance import check, integration


@check("classes", "5,000 destinations against the classes: verdicts equal those of a table; 00881... is not international")
def classes():
    return integration("class_of_service_test", "Table", limit="0 verdicts that differ")


@check("denied", "A call or a transfer (REFER) to a denied destination is answered 603 and never reaches the PBX")
def denied():
    return integration("class_of_service_test", "Baresip", "ByHand", limit="603, 0 requests at the PBX; limits of devices count what the PBX takes")
