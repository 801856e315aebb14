"""Where artifacts are measured: a target of a suite file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from compbench.contracts import ExecutionProvider, Options
from compbench.errors import UserError, explain, nearest
from compbench.registry import registry
from compbench.registry.recorded import recorded


def provider_of(name: str) -> ExecutionProvider:
    """A provider by its name or import path. Raises UserError for one that is none."""
    found = registry.find("provider", name)
    if not issubclass(found, ExecutionProvider):
        raise UserError(f"'{name}' is not an ExecutionProvider, see compbench/contracts")
    for needed in ("ort_name", "install"):
        if not isinstance(getattr(found, needed, None), str):
            raise UserError(f"the provider '{name}' does not say its {needed}")
    return found()


class LoadGen(Options):
    """MLPerf LoadGen's scenarios, for tails and throughput under load (extra: loadgen)."""

    scenarios: tuple[Literal["single_stream", "multi_stream", "server", "offline"], ...] = Field(
        default=(), description="which to run, each variant in a fresh process"
    )
    seconds: float = Field(default=10, gt=0, description="least duration of a scenario")
    samples_per_query: int = Field(default=8, ge=1, description="images in a multi_stream query")
    server_load: float = Field(
        default=0.5, gt=0, description="queries offered, as a share of the measured capacity"
    )
    latency_bound_ms: float | None = Field(
        default=None,
        gt=0,
        description="server: for 99 % of queries; None: 10 times the latency, at least 10 ms",
    )


class Target(Options):
    """Where artifacts are measured."""

    provider: str = Field(default="cpu", description="execution provider of ONNX Runtime")
    provider_options: dict[str, str | int | float | bool] = Field(
        default={}, description="passed to the execution provider"
    )
    threads: int = Field(default=1, ge=1, le=1024, description="threads inside an operator")
    batch_sizes: tuple[Annotated[int, Field(ge=1, le=65_536)], ...] = Field(
        default=(1, 32), min_length=1, description="latency is of the first, throughput of each"
    )
    graph_optimization: Literal["all", "extended", "basic", "disabled"] = Field(
        default="all", description="what ONNX Runtime may rewrite when it loads a file"
    )
    allow_fallback: bool = Field(
        default=False,
        description="measure even where some nodes run on the CPU instead of the provider",
    )
    max_logit_difference: float = Field(
        default=1e-4,
        gt=0,
        description="parity: how far float32 outputs may be from those of the torch module, as a "
        "share of their standard deviation where that is over 1",
    )
    loadgen: LoadGen = LoadGen()

    def ort_options(self) -> dict[str, str]:
        """The provider's options as ONNX Runtime takes them, compbench's defaults included."""
        provider = provider_of(self.provider)
        return provider.ort_options(self.threads, self.provider_options)

    def unavailable(self) -> str | None:
        """Why this machine's ONNX Runtime can't serve this target; None where it can."""
        provider = provider_of(self.provider)
        if provider.is_available():
            return None
        import onnxruntime

        there = onnxruntime.get_available_providers()
        return (
            f"this ONNX Runtime has no {provider.ort_name} (it has {', '.join(there)}); "
            f"it comes with {provider.install}"
        )


def refuse_unknown_options(target: Target) -> None:
    """Raises UserError where its provider is none, or has no such option."""
    known = provider_of(target.provider).options
    for option in target.provider_options:
        if option not in known:
            hint = nearest(option, known) or "; it has none"
            raise UserError(f"'{target.provider}' has no provider option '{option}'{hint}")


def recorded_target(name: str, table: Mapping[str, Any], suite_file: Path | None) -> Target:
    """The target of that name of a run or a baseline: see `recorded`.

    Its provider is found now, so that whoever uses it finds the same. Raises UserError.
    """
    where = f"[targets.{name}]"
    try:
        target = Target(**table)
        with recorded(target.provider, suite_file):
            refuse_unknown_options(target)
    except ValidationError as error:
        raise UserError(explain(error, where, Target.model_fields)) from error
    except UserError as error:
        raise UserError(f"{where} {error}") from error
    return target
