"""`make bench`: the figures the documentation names, each as a ratio or a rate within this one run."""

import platform

from bench import calendar, evaluate, replay, what_if


def main() -> None:
    print(f"CPython {platform.python_version()}, {platform.machine()}", flush=True)
    calendar.main()
    evaluate.run()
    replay.run()
    what_if.run()


if __name__ == "__main__":
    main()
