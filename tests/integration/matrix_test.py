"""Each thing that a phone does, with real phones, over each transport: support/matrix.py tells what there is. A class is a column (client, access, core), a test a row.
POSTERN_MATRIX=all runs each cell; without it a pairwise subset runs, and under a sanitizer, where all is slow, one in which each client, access, core and row
occurs. scripts/test-matrix prints the table."""
import os
import unittest

from support import browser, case, matrix
from support.column_baresip import BaresipColumn
from support.column_browser import BrowserColumn
from support.column_linphone import LinphoneColumn
from support.column_sipp import SippColumn

CLASSES = {"baresip": BaresipColumn, "linphonec": LinphoneColumn, "sipp": SippColumn, "jssip": BrowserColumn}


def columns():
    """{name: class}, one for each column."""
    found = {}
    for cell in matrix.cells():
        name = cell.test.split(".")[0]
        found[name] = type(name, (CLASSES[cell.client],), {"__module__": __name__, "access": matrix.ACCESSES[cell.access], "core": matrix.CORES[cell.core]})
    return found


COLUMNS = columns()
globals().update(COLUMNS)  # unittest finds them by name


def load_tests(loader, tests, pattern):
    subset = os.environ.get("POSTERN_MATRIX") or ("each" if os.environ.get("POSTERN_SANITIZE") else "pairwise")
    chosen = matrix.cells() if loader.testNamePatterns else matrix.SUBSETS[subset]()
    return unittest.TestSuite(loader.loadTestsFromName(cell.test, module=__import__("__main__")) for cell in chosen)


if __name__ == "__main__":
    case.need(*matrix.PROGRAMS, *(program for client in matrix.CLIENTS.values() for program in client.programs))
    browser.need_browser()
    case.main()
