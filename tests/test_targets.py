from __future__ import annotations

from typing import Any

import onnxruntime
import pytest
from pydantic import ValidationError

from compbench.contracts import ExecutionProvider
from compbench.errors import UserError
from compbench.registry import registry
from compbench.runtime.target import LoadGen, Target, provider_of
from compbench.suite import read

PROVIDERS = registry.names("provider")


def test_a_target_is_the_cpu_with_one_thread_if_nothing_is_said() -> None:
    assert Target().model_dump() == {
        "provider": "cpu",
        "provider_options": {},
        "threads": 1,
        "batch_sizes": (1, 32),
        "graph_optimization": "all",
        "allow_fallback": False,
        "max_logit_difference": 1e-4,
        "loadgen": {
            "scenarios": (),
            "seconds": 10,
            "samples_per_query": 8,
            "server_load": 0.5,
            "latency_bound_ms": None,
        },
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {}),
        ({"provider": "cuda"}, {"use_tf32": "0"}),
        ({"provider": "cuda", "provider_options": {"use_tf32": True}}, {"use_tf32": "1"}),
        (
            {"provider": "cuda", "provider_options": {"device_id": 1, "gpu_mem_limit": "9"}},
            {"use_tf32": "0", "device_id": "1", "gpu_mem_limit": "9"},
        ),
        (
            {"provider": "openvino", "threads": 3},
            {
                "device_type": "CPU",
                "precision": "FP32",
                "num_streams": "1",
                "num_of_threads": "3",
            },
        ),
        (
            {
                "provider": "openvino",
                "threads": 3,
                "provider_options": {"device_type": "GPU", "num_of_threads": 5},
            },
            {
                "device_type": "GPU",
                "precision": "FP32",
                "num_streams": "1",
                "num_of_threads": "5",
            },
        ),
        ({"provider": "xnnpack", "threads": 2}, {"intra_op_num_threads": "2"}),
        (
            {
                "provider": "coreml",
                "threads": 2,
                "provider_options": {"EnableOnSubgraphs": False, "MLComputeUnits": "CPUOnly"},
            },
            {"EnableOnSubgraphs": "0", "MLComputeUnits": "CPUOnly"},
        ),
    ],
)
def test_options_reach_onnx_runtime_as_text_over_the_defaults(
    options: dict[str, Any], expected: dict[str, str]
) -> None:
    assert Target(**options).ort_options() == expected


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_that_is_missing_comes_with_what_to_install(name: str, monkeypatch) -> None:
    provider, there = provider_of(name), ["AzureExecutionProvider", "SomeExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: there)
    assert Target(provider=name).unavailable() == (
        f"this ONNX Runtime has no {provider.ort_name} (it has {', '.join(there)}); "
        f"it comes with {provider.install}"
    )
    there.append(provider.ort_name)
    assert Target(provider=name).unavailable() is None


def test_this_machine_serves_the_cpu_and_what_its_onnx_runtime_has() -> None:
    there = set(onnxruntime.get_available_providers())
    served = {name for name in PROVIDERS if Target(provider=name).unavailable() is None}
    assert "cpu" in served
    assert served == {name for name in PROVIDERS if provider_of(name).ort_name in there}


@pytest.mark.parametrize("name", PROVIDERS)
def test_onnx_runtime_knows_every_provider_by_this_name(name: str) -> None:
    assert provider_of(name).ort_name in onnxruntime.get_all_providers()


@pytest.mark.parametrize("name", PROVIDERS)
def test_what_compbench_sets_itself_is_an_option_that_a_suite_can_set_too(name: str) -> None:
    assert set(Target(provider=name).ort_options()) <= set(provider_of(name).options)
    assert len(provider_of(name).options) == len(set(provider_of(name).options))


class Nameless(ExecutionProvider):
    """Says nothing of itself."""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cudo", "there is no provider 'cudo'; did you mean 'cuda'?"),
        ("tests.test_targets:LoadGen", "is not an ExecutionProvider, see compbench/contracts"),
        ("tests.test_targets:Nameless", "'tests.test_targets:Nameless' does not say its ort_name"),
        ("no.such:Provider", "the provider 'no.such' does not import"),
    ],
)
def test_a_wrong_provider_is_one_line_with_its_table(name: str, message: str, write_suite) -> None:
    text = '[variants.a]\ntechnique = "train"\nmodel = "mlp"\n'
    path = write_suite(f'[targets.mine]\nprovider = "{name}"\n{text}')
    with pytest.raises(UserError) as caught:
        read.load(path)
    assert "[targets.mine] " in str(caught.value) and message in str(caught.value)


def test_a_provider_of_one_s_own_is_named_by_its_import_path(write_suite) -> None:
    own = "examples.adding.provider:Provider"
    text = '[variants.a]\ntechnique = "train"\nmodel = "mlp"\n'
    table = f'[targets.npu]\nprovider = "{own}"\nprovider_options = {{ backend_path = "x.so" }}\n'
    target = read.load(write_suite(table + text)).targets["npu"]
    assert target.ort_options() == {"backend_path": "x.so"}
    assert "it comes with onnxruntime-qnn" in (target.unavailable() or "")


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (Target, {"threads": 0}),
        (Target, {"batch_sizes": ()}),
        (Target, {"batch_sizes": (1, 0)}),
        (Target, {"graph_optimization": "some"}),
        (Target, {"max_logit_difference": 0}),
        (Target, {"loadgen": {"scenarios": ("servers",)}}),
        (LoadGen, {"seconds": 0}),
        (LoadGen, {"samples_per_query": 0}),
        (LoadGen, {"server_load": 0}),
        (LoadGen, {"latency_bound_ms": 0}),
    ],
)
def test_what_makes_no_sense_is_refused(model: type, options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(options))):
        model(**options)
