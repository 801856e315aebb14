"""False alarms and power of the whole gate, as `pytest --compbench` judges.

`python -m tests.benchmarks.gate 40 RUN` keeps a run's baseline, and gates its first variant against
it: 40 times unchanged and 40 times really 5 % slower, quiet, and with one core kept busy. One of a
hundred unchanged ones may fail, one at least; none that is slower may pass, and nine of ten must
fail where it is quiet. An hour.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from compbench.gate import baseline, prepare, snapshot
from compbench.gate import pair as gate_pair
from compbench.gate.baseline import Places
from compbench.gate.check import Evidence, Result
from compbench.gate.prepare import Guard
from tests.benchmarks import nets
from tests.benchmarks.bounds import Bounds
from tests.benchmarks.power import load

SLOWER = 0.05
MOST_ALARMS, LEAST_FOUND = 0.01, 0.9


def one(ready: Guard) -> Result:
    """What one gate says of the latency of the only variant that both sides have."""
    (pair,) = (p for p in ready.pairs() if p.candidate and p.baseline)
    found = gate_pair.measure(pair, ready.data, ready.limits)
    evidence = Evidence(pair, found, ready.candidate, ready.baseline)
    results = gate_pair.judge(evidence, ready.limits)
    return next(result for result in results if result.name == "latency")


def repeated(ready: Guard, times: int) -> tuple[Counter[str], str]:
    """The verdicts of so many gates, and in words how long one takes."""
    verdicts: Counter[str] = Counter()
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        verdicts[str(one(ready).verdict)] += 1
        seconds.append(time.perf_counter() - started)
    middle = sorted(seconds)[times // 2]
    return verdicts, f"{dict(verdicts)}; {middle:.1f} s a gate, at most {max(seconds):.1f}"


def main() -> None:
    """Print a line for each condition."""
    times, run, bounds = int(sys.argv[1]), sys.argv[2], Bounds()
    conditions = sys.argv[3:] or ["quiet", "busy"]
    with tempfile.TemporaryDirectory(prefix="compbench-gate-") as folder:
        places = Places(Path(folder) / "baselines")
        baseline.save(run, "main", places)
        kept = baseline.read("main", places)
        variant, file = next(iter(kept.files.items()))
        _, slow, share = nets.slower_by(SLOWER, file.read_bytes(), Path(folder))
        print(f"{variant}: the slower one is {share:.1%} slower by a plain loop", flush=True)
        ready = {}
        for name, content in (("unchanged", file.read_bytes()), ("slower", slow.read_bytes())):
            (Path(folder) / name).mkdir()
            (Path(folder) / name / f"{variant}.onnx").write_bytes(content)
            candidate = snapshot.of_files(Path(folder) / name)
            ready[name] = prepare.prepare(candidate, kept, Path(folder), {})
        for condition in conditions:
            with load(processes=int(condition == "busy"), busy_s=10, idle_s=0):
                for name, gate in ready.items():
                    verdicts, told = repeated(gate, times)
                    print(f"{condition}, {name}: {told}", flush=True)
                    if name == "unchanged":
                        most = max(1, round(MOST_ALARMS * times))
                        bounds.at_most(f"{condition}, unchanged that fail", verdicts["FAIL"], most)
                        continue
                    bounds.none_of(f"{condition}, slower that pass", verdicts["PASS"])
                    if condition == "quiet":
                        found = verdicts["FAIL"] / times
                        bounds.at_least("quiet, slower that fail", found, LEAST_FOUND, "%")
    bounds.end()


if __name__ == "__main__":
    main()
