"""Options as a suite file gives them: the base of all plugins."""

from __future__ import annotations

from types import UnionType
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class Options(BaseModel):
    """Options as a suite file gives them: immutable, and nothing unknown is accepted.

    Defaults are held to the same as what a suite file gives.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_are_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        """No "10" for 10 and no true for 1: pydantic would convert them without a word."""
        wanted = cls.model_fields[info.field_name or ""].annotation
        kinds = get_args(wanted) if isinstance(wanted, UnionType) else (wanted,)
        wrong = bool if str in kinds else bool | str
        if {int, float} & {*kinds} and isinstance(value, wrong):
            raise ValueError(f"{value!r} should be a number")
        return value
