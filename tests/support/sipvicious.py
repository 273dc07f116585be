"""A tool of sipvicious that calls itself something else: its source is edited for that in the field, for it has no option."""
import sys

FOLDER = "/usr/share/sipvicious"


def command(tool, user_agent):
    """The beginning of its command line: arguments follow."""
    return [sys.executable, __file__, tool, user_agent]


def main():
    tool, user_agent = sys.argv[1:3]
    sys.argv[1:3] = []
    sys.path[0] = FOLDER
    from sipvicious.libs import svhelper
    defaults = svhelper.makeRequest.__defaults__
    svhelper.makeRequest.__defaults__ = tuple(user_agent if value == "friendly-scanner" else value for value in defaults)
    __import__(f"sipvicious.{tool}", fromlist=["main"]).main()


if __name__ == "__main__":
    main()
