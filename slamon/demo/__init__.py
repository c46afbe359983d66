"""The demo: the whole product on one machine with an invented cast, real sites and faster business time."""

import sys

from slamon.errors import SlamonError


def run_demo(*, speed: float = 1800, port: int = 8000, empty: bool = False) -> None:
    """Run the demo until it is interrupted. `speed` is business seconds per real second.

    Raises SlamonError where the demo cannot start: without the `demo` extra, with an impossible speed or setting.
    """
    sys.stdout.write("Setting the stage ...\n")
    sys.stdout.flush()
    try:
        from slamon.demo.run import run
    except ModuleNotFoundError as error:
        if error.name != "aiosmtpd":
            raise
        raise SlamonError("The demo needs its own mail server: pip install 'slamon[demo]'") from error
    run(speed=speed, port=port, empty=empty)
