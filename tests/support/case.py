"""The frame of an integration test: a namespace of its own, a work folder, and an end for whatever it started.

Each test file is run again inside new network and process namespaces, so that fixed ports never clash between tests that
run in parallel, and nothing survives the test even when it is killed."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

SKIPPED = 77  # ctest's SKIP_RETURN_CODE
_INSIDE = "POSTERN_TEST_NAMESPACE"


def skip_all(reason):
    """Ends the whole file as skipped, with the word that the list of allowed skips is compared with."""
    print(f"SKIPPED: {reason}", flush=True)
    sys.exit(SKIPPED)


def measured(text):
    """A line that scripts/accept shows as what was measured."""
    print(f"measured: {text}", flush=True)


def source_folder():
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def test_data(*parts):
    """The shared test data, or a skip of the whole file when this machine has none."""
    folder = os.environ.get("POSTERN_TEST_DATA") or os.path.join(os.path.dirname(source_folder()), "shared", "data")
    if not os.path.isdir(folder):
        skip_all("no test data: set POSTERN_TEST_DATA")
    return os.path.join(folder, *parts)


def postern_binary():
    path = os.environ.get("POSTERN_BINARY")
    if not path:
        sys.exit("set POSTERN_BINARY to the built postern, or name it as the first argument")
    return os.path.abspath(path)


def enter_namespace():
    """Runs this program again in namespaces of its own; returns only inside, with loopback up."""
    if os.environ.get(_INSIDE) == "1":
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    if os.geteuid() != 0:
        skip_all("needs root, for a network namespace")
    os.environ[_INSIDE] = "1"
    os.execvp("unshare", ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, os.path.abspath(sys.argv[0])]
              + sys.argv[1:])


def add_addresses(*addresses):
    """Puts IPv6 addresses on the namespace's loopback; skips the test where the kernel has no IPv6."""
    for address in addresses:
        added = subprocess.run(["ip", "-6", "addr", "replace", f"{address}/128", "dev", "lo", "nodad"], capture_output=True, text=True)
        if added.returncode != 0:
            raise unittest.SkipTest("no IPv6 here")


def need(*programs):
    """Skips the file when a program that it drives is not installed."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        skip_all(f"not installed: {', '.join(missing)}")


class Case(unittest.TestCase):
    """A test with a folder, `self.folder`, and a list of what to end, newest first."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="postern-")
        os.chmod(self.folder, 0o755)
        self.addCleanup(self._remove_folder)

    def _remove_folder(self):
        result = self._outcome.result
        failed = any(test is self for test, _ in result.failures + result.errors)
        if failed:
            for name in sorted(os.listdir(self.folder)):
                if name.endswith(".log"):
                    with open(os.path.join(self.folder, name), errors="replace") as file:
                        print(f"----- {self.id()}: end of {name}\n{file.read()[-4000:]}", flush=True)
        if failed and os.environ.get("POSTERN_KEEP_FOLDERS"):
            print(f"kept: {self.folder}", flush=True)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def run_until_end(self, thing):
        """Ends `thing` (it has stop()) with the test, and returns it."""
        self.addCleanup(thing.stop)
        return thing

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path


def main():
    """Entry point of each test file: [BINARY] [unittest arguments]."""
    if len(sys.argv) > 1 and os.sep in sys.argv[1]:
        os.environ["POSTERN_BINARY"] = os.path.abspath(sys.argv.pop(1))
        if not os.access(os.environ["POSTERN_BINARY"], os.X_OK):
            sys.exit(f"{os.environ['POSTERN_BINARY']} is not there: build it first")
    enter_namespace()
    program = unittest.main(module="__main__", exit=False, verbosity=2, argv=sys.argv)
    result = program.result
    if result.wasSuccessful() and result.testsRun and len(result.skipped) == result.testsRun:
        skip_all("; ".join(reason for _, reason in result.skipped))
    sys.exit(0 if result.wasSuccessful() else 1)
