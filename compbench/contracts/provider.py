"""What compbench must know of an execution provider of ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal


class ExecutionProvider:
    """Base of the class `Provider` in every file of `providers/`; it has no options of its own.

    `device` is where inputs and outputs are bound; `threads_option` the option that limits its own
    threads, where it has some; `defaults` what compbench gives where the suite says nothing.
    """

    libraries: ClassVar[tuple[str, ...]] = ()
    ort_name: ClassVar[str]  # ONNX Runtime's name for it
    install: ClassVar[str]  # where to get it
    options: ClassVar[tuple[str, ...]] = ()  # what a suite's `provider_options` may name
    device: ClassVar[Literal["cpu", "cuda", "dml"]] = "cpu"
    threads_option: ClassVar[str | None] = None
    defaults: ClassVar[Mapping[str, str]] = {}
    booleans: ClassVar[tuple[str, str]] = ("0", "1")  # how its options spell false and true

    def ort_options(
        self, threads: int, given: Mapping[str, str | int | float | bool]
    ) -> dict[str, str]:
        """Its options as ONNX Runtime takes them: compbench's defaults, then what was given."""
        options = dict(self.defaults)
        if self.threads_option:
            options[self.threads_option] = str(threads)
        for name, value in given.items():
            options[name] = self.booleans[value] if isinstance(value, bool) else str(value)
        return options

    def is_available(self) -> bool:
        """Whether this machine's ONNX Runtime has it."""
        import onnxruntime

        return self.ort_name in onnxruntime.get_available_providers()
