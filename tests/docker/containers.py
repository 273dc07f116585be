"""Containers as docker/compose.yaml says, run by podman in the place of Docker."""
import os
import resource
import subprocess

import yaml

from support.case import source_folder
from support.proc import Process

HERE = os.path.join(source_folder(), "docker")


def podman(*arguments, check=True):
    done = subprocess.run(["podman", *arguments], capture_output=True, text=True, timeout=120)
    if check and done.returncode != 0:
        raise AssertionError(f"podman {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
    return done


def service(name):
    with open(os.path.join(HERE, "compose.yaml")) as file:
        return yaml.safe_load(file)["services"][name]


def granted(limit, wanted=None):
    """What a service wants of a resource, as far as this machine grants it."""
    most = resource.getrlimit(getattr(resource, f"RLIMIT_{limit.upper()}"))[1]
    return most if wanted is None or most != resource.RLIM_INFINITY and most < wanted else wanted


def options(name, folders):
    """What `podman run` is told for a service; `folders`: what stands for each of its volumes. A key that is not known here is an error."""
    out = ["--read-only-tmpfs=false"]  # Docker mounts none of its own
    limits = {"nofile": None, "nproc": None}  # podman would ask for its own numbers
    for key, value in service(name).items():
        if key in ("build", "container_name", "restart"):
            continue
        elif key == "network_mode":
            out += ["--network", value]
        elif key == "read_only":
            out += [f"--read-only={str(value).lower()}"]
        elif key == "tmpfs":
            out += [word for entry in value for word in ("--tmpfs", f"{entry}:notmpcopyup")]  # Docker's is empty at first
        elif key in ("cap_drop", "cap_add", "security_opt"):
            out += [word for entry in value for word in (f"--{key.replace('_', '-')}", entry)]
        elif key == "ulimits":
            limits.update(value)
        elif key == "volumes":
            out += [word for entry in value for word in ("--volume", ":".join([folders[entry.split(":")[0]], *entry.split(":")[1:]]))]
        else:
            raise AssertionError(f"docker/compose.yaml: {name}.{key}: how does podman say that?")
    return out + [word for limit, wanted in limits.items() for word in ("--ulimit", "{0}={1}:{1}".format(limit, granted(limit, wanted)))]


class Container(Process):
    """One in the foreground: signals go on to it, and its exit status is the process's."""

    def __init__(self, folder, name, image, arguments, command=()):
        super().__init__(name, ["podman", "run", "--rm", "--name", name, *arguments, image, *command], folder)
        self.container = name

    def state(self, field):
        return podman("inspect", "--format", "{{.State.%s}}" % field, self.container).stdout.strip()

    def inner_pid(self):
        return int(self.state("Pid"))

    def run(self, *command, user=None):
        """A command within it, which may fail."""
        return podman("exec", *(["--user", user] if user else []), self.container, *command, check=False)

    def healthy(self):
        """What the image's own health check says."""
        return podman("healthcheck", "run", self.container, check=False).returncode == 0


class Image:
    """The files of an image, at `path`."""

    def __init__(self, name):
        self._name = name
        self.path = podman("image", "mount", name).stdout.strip()

    def stop(self):
        podman("image", "unmount", self._name)
