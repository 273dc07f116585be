"""A Debian that systemd boots in namespaces of its own, out of a folder. It shares the network of whoever started it."""
import os
import signal
import subprocess

from .proc import Process, wait_for

BOOT = """
set -e
echo $$ >"$2/cgroup.procs"
exec unshare --mount --uts --ipc --pid --cgroup --fork --kill-child bash -ec '
mount --make-rprivate /
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
for folder in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs $folder; done
for device in null zero full random urandom tty; do touch dev/$device; mount --bind /dev/$device dev/$device; done
mkdir dev/pts dev/shm
mount -t devpts -o ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mkdir run/before
pivot_root . run/before
umount -l run/before
mount --make-rshared /
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd
' - "$1"
"""


def _cgroups():
    """Where the kernel's one tree of cgroups is; None: nowhere."""
    with open("/proc/mounts") as mounts:
        return next((line.split()[1] for line in mounts if line.split()[2] == "cgroup2"), None)


class Machine:
    def __init__(self, folder, root):
        self.root = root
        self._cgroup = os.path.join(_cgroups(), os.path.basename(folder))
        os.mkdir(self._cgroup)
        self._process = Process("machine", ["bash", "-c", BOOT, "-", root, self._cgroup], folder)
        wait_for(self._is_up, f"systemd to be up; it said:\n{self._process.log()[-2000:]}", 60)

    def _first(self):
        """Its PID 1, as it is known here."""
        with open(f"/proc/{self._process.pid}/task/{self._process.pid}/children") as file:
            return file.read().split()

    def _is_up(self):
        if not self._process.alive():
            raise AssertionError(f"systemd ended:\n{self._process.log()[-3000:]}")
        return self._first() and self.run("systemctl", "is-system-running", check=False).strip() in ("running", "degraded")

    def run(self, *command, check=True):
        """What a command in it says, with its errors."""
        done = subprocess.run(["nsenter", "--target", self._first()[0], "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--root", "--wd", *command],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, timeout=120)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def property(self, name):
        """Of the unit."""
        return self.run("systemctl", "show", "--value", "-p", name, "postern").strip()

    def write(self, path, text):
        path = self.root + path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)

    def log(self):
        return self.run("journalctl", "-u", "postern", "-o", "cat", "--no-pager")

    def _is_empty(self):
        with open(os.path.join(self._cgroup, "cgroup.events")) as file:
            return "populated 0" in file.read()

    def stop(self):
        self._process.signal(signal.SIGKILL)
        self._process.stop()
        wait_for(self._is_empty, "the machine's processes to end")
        for folder, _, _ in os.walk(self._cgroup, topdown=False):
            os.rmdir(folder)
