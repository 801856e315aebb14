"""Make the simulations: python -m tests.simulations [trials] [name …]."""

from __future__ import annotations

import sys
import time

from tests.simulations.rate import HEAD, PAGE, simulated, written

TRIALS = 2000


def main(arguments: list[str]) -> int:
    """Print each table when it is made; the page is written only when all were made in full."""
    trials = int(arguments.pop(0)) if arguments and arguments[0].isdigit() else TRIALS
    known = simulated()
    unknown = [name for name in arguments if name not in known]
    if unknown:
        print(f"no simulation '{unknown[0]}': there are {', '.join(known)}", file=sys.stderr)
        return 2
    made = []
    for name in arguments or known:
        started = time.perf_counter()
        rates = list(known[name](trials))
        made += rates
        print(f"\n{name}, {time.perf_counter() - started:.0f} s", *HEAD, sep="\n")
        print(*(rate.line() for rate in rates), sep="\n", flush=True)
    if not arguments and trials >= TRIALS:
        PAGE.write_text(written(PAGE.read_text("utf-8"), made), "utf-8")
        print(f"\nwritten: {PAGE}")
    return int(any(rate.is_broken() for rate in made))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
