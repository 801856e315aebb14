from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from compbench.suite import plan
from compbench.suite.read import load

BASE = """
seeds = [0, 1]
[variants.teacher]
technique = "train"
model = "cnn"
[variants.kd]
technique = "distill"
parent = "teacher"
model = "mlp"
[variants.q]
technique = "quantize_static"
parent = "kd"
"""


def keys(path: Path, digest: str = "d") -> dict[tuple[str, int], str]:
    return {(j.variant.name, j.seed): j.key for j in plan.plan(load(path), digest)}


def test_order_is_seed_by_seed_in_file_order(write_suite: Callable[[str], Path]) -> None:
    jobs = plan.plan(load(write_suite(BASE)), "d")
    names = [(job.variant.name, job.seed) for job in jobs]
    assert names == [("teacher", 0), ("kd", 0), ("q", 0), ("teacher", 1), ("kd", 1), ("q", 1)]
    assert jobs[1].parent_keys == (jobs[0].key,)
    assert len({job.key for job in jobs}) == 6


def test_the_key_is_of_content_not_of_spelling(write_suite: Callable[[str], Path]) -> None:
    before = keys(write_suite(BASE))
    spelled_out = BASE.replace(
        'model = "mlp"', 'model = { name = "mlp", hidden = [128] }\nepochs = 10'
    )
    assert keys(write_suite(spelled_out)) == before


def test_a_change_reaches_all_descendants_and_nobody_else(
    write_suite: Callable[[str], Path],
) -> None:
    before = keys(write_suite(BASE))
    after = keys(write_suite(BASE.replace('parent = "teacher"', 'parent = "teacher"\nepochs = 3')))
    assert {name for name, key in after.items() if key != before[name]} == {
        ("kd", 0),
        ("q", 0),
        ("kd", 1),
        ("q", 1),
    }


def test_other_data_other_keys(write_suite: Callable[[str], Path]) -> None:
    path = write_suite(BASE)
    assert not set(keys(path, "d").values()) & set(keys(path, "e").values())


def test_other_sources_other_keys(write_suite: Callable[[str], Path], monkeypatch) -> None:
    path = write_suite(BASE)
    before = keys(path)
    monkeypatch.setattr(plan.registry, "source", lambda plugin: b"another")
    assert not set(before.values()) & set(keys(path).values())


def test_a_key_depends_on_what_its_technique_imports_and_on_no_more(
    write_suite: Callable[[str], Path], monkeypatch
) -> None:
    path = write_suite(BASE)
    before, read = keys(path), Path.read_bytes
    monkeypatch.setattr(
        Path, "read_bytes", lambda file: b"import x" if file.name == "losses.py" else read(file)
    )
    after = keys(path)
    changed = {name for name, key in after.items() if key != before[name]}
    assert changed == {("kd", 0), ("q", 0), ("kd", 1), ("q", 1)}, "train has no such loss"


def test_other_library_versions_other_keys(write_suite: Callable[[str], Path], monkeypatch) -> None:
    path = write_suite(BASE)
    found = plan.registry.versions(("torch",))["torch"]
    before = keys(path)
    patch = ".".join(found.split(".")[:2]) + ".99"
    monkeypatch.setattr(
        plan.registry,
        "versions",
        lambda names: dict.fromkeys(names, "1.2") | {"torch": patch},
    )
    first = keys(path)
    monkeypatch.setattr(
        plan.registry, "versions", lambda names: dict.fromkeys(names, "1.2")
    )
    assert not set(before.values()) & set(first.values())
    assert not set(first.values()) & set(keys(path).values())
