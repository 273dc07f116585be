"""What is made from the command line and the schema: man pages and the shells' completion, held to the program and tried in man, bash, zsh and fish."""
import os
import re
import subprocess

from support import case
from support.case import postern_binary, source_folder
from support.door import run


def packaging(*parts):
    return os.path.join(source_folder(), "packaging", *parts)


def helped(path=()):
    """The commands below one and its options, as its --help has them."""
    text = run(*path, "--help").stdout
    below = text.split("Subcommands:\n")[1] if "Subcommands:\n" in text else ""
    commands = re.findall(r"^  (\w+)", below.split("\n\n")[0], re.M)
    options = set(re.findall(r"(?:^  |,)(--?[\w-]+)", text, re.M))
    return commands, options


def every_command(path=()):
    yield path
    for name in helped(path)[0]:
        yield from every_command((*path, name))


class Made(case.Case):
    def test_the_files_are_what_the_program_says(self):
        done = subprocess.run([os.path.join(source_folder(), "scripts", "generate-docs"), "--check", postern_binary()], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout[-3000:], done.stderr), (0, "", ""))

    def test_man_shows_them_without_a_warning(self):
        for page in ("postern.1", "postern.yaml.5"):
            shown = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", packaging(page)], capture_output=True, text=True, timeout=60,
                                   env=dict(os.environ, LC_ALL="C.UTF-8", MANWIDTH="120", MAN_KEEP_FORMATTING="", PAGER="cat"))
            self.assertEqual((shown.returncode, shown.stderr), (0, ""), page)
            wanted = [" ".join(("postern", *path)) for path in every_command()] if page == "postern.1" else ["pbx.media_address", "calls.classes.*[]"]
            for text in wanted:
                self.assertIn(text, shown.stdout)

    def test_there_is_no_other_page(self):
        done = run("manual", "everything")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertNotIn("manual", helped()[0], "it is nothing for an operator")


class Completion(case.Case):
    """The words that each shell offers, for each command that --help tells of."""

    def complete(self, *words):
        raise NotImplementedError

    def check(self):
        self.assertIn("bans", self.complete("ba"))
        count = 0
        for path in every_command():
            commands, options = helped(path)
            if commands:
                self.assertLessEqual(set(commands), set(self.complete(*path, "")), path)
            self.assertLessEqual({option for option in options if option.startswith("--")}, set(self.complete(*path, "--")), path)
            count += 1
        self.assertGreater(count, 15)
        self.assertNotIn("--pcap", self.complete("check", "--"), "another command's option")
        case.measured(f"{type(self).__name__}: commands and options of {count} commands are offered")


class Bash(Completion):
    SCRIPT = 'source "$1"; shift; COMP_WORDS=(postern "$@"); COMP_CWORD=$#; _postern; printf "%s\\n" "${COMPREPLY[@]}"'

    def complete(self, *words):
        done = subprocess.run(["bash", "-c", self.SCRIPT, "bash", packaging("completion", "postern.bash"), *words], capture_output=True, text=True, timeout=30)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split()

    def test_words(self):
        self.check()
        self.assertEqual(self.complete("check", "-c", ""), [], "a file's name")


class Zsh(Completion):
    # The function is called as zsh calls it, with what it offers told.
    SCRIPT = ('compadd() { shift; print -l -- "$@" }; _files() { print -- FILES }; file=$1; shift; words=(postern "$@"); CURRENT=$(($# + 1)); source $file')

    def complete(self, *words):
        done = subprocess.run(["zsh", "-fc", self.SCRIPT, "zsh", packaging("completion", "_postern"), *words], capture_output=True, text=True, timeout=30)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split()

    def test_words(self):
        self.check()
        self.assertEqual(self.complete("check", "-c", ""), ["FILES"])


class Fish(Completion):
    def complete(self, *words):
        typed = " ".join(("postern", *words))
        done = subprocess.run(["fish", "--no-config", "-c", f"source '{packaging('completion', 'postern.fish')}'; complete -C '{typed}'"], capture_output=True,
                              text=True, timeout=30, env=dict(os.environ, HOME=self.folder))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [line.split("\t")[0] for line in done.stdout.splitlines()]

    def test_words(self):
        self.check()


if __name__ == "__main__":
    case.need("fish", "man", "zsh")
    case.main()
