"""A table's columns -> numbers, with one line on what in them is none."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from compbench.errors import UserError, first_line, nearest, one_line, shown

if TYPE_CHECKING:
    from pandas import DataFrame, Series

MOST_CATEGORIES = 100  # of a column that is not named as one: beyond are names, dates, keys
_MOST_NUMBERS = 0.5  # of a column of texts: where more are numbers, the others are slips


def column(table: DataFrame, name: str) -> Series:
    """A column by its name, which is there once."""
    return cast("Series", table[name])


def read(path: Path, separator: str | None) -> DataFrame:
    """The table in a CSV or Parquet file. Raises UserError where it is none, or is empty."""
    import pandas

    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            table = pandas.read_parquet(path)
        else:
            usual = "\t" if path.suffix.lower() in (".tsv", ".tab") else ","
            table = _read_csv(path, separator or usual)
    except UserError:
        raise
    except Exception as error:  # pandas' and pyarrow's own, of many kinds
        raise UserError(f"{path} is no table that can be read: {first_line(error)}") from error
    table = table.reset_index(drop=True)
    table.columns = [str(name) for name in table.columns]
    _refuse_twice(path, list(table.columns))
    if not len(table):
        raise UserError(f"{path} has no rows")
    return table


# what stands for nothing in columns of numbers, not in those of words
_NO_NUMBERS = ("NA", "N/A", "n/a", "#N/A", "<NA>", "nan", "NaN", "-nan", "null", "NULL", "None")


def _read_csv(path: Path, separator: str) -> DataFrame:
    """A table whose words stay words; where all else are numbers, `NA` and the like are none."""
    import pandas

    how: Any = {"sep": separator, "keep_default_na": False, "na_values": [""]}
    heads = pandas.read_csv(path, header=None, nrows=1, dtype=str, **how)  # not yet renamed
    _refuse_twice(path, [str(head) for head in heads.iloc[0] if isinstance(head, str)])
    with warnings.catch_warnings():
        warnings.simplefilter("error", pandas.errors.ParserWarning)
        try:
            table = pandas.read_csv(path, low_memory=False, index_col=False, **how)
        except pandas.errors.ParserWarning:
            raise UserError(
                f"{path}: its rows have more fields than the first line has names"
            ) from None
    for name in table.columns:
        given = column(table, name).dropna()
        is_none = given.isin(_NO_NUMBERS)
        if is_number(column(table, name)) or not is_none.any():
            continue
        rest = pandas.Series(pandas.to_numeric(given[~is_none], errors="coerce"))
        if len(rest) and rest.notna().all():
            table[name] = rest.reindex(table.index)
    return table


def _refuse_twice(path: Path, names: Sequence[str]) -> None:
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise UserError(f"{path} has two columns {shown(twice)}")


def refuse_absent(path: Path, table: DataFrame, option: str, names: Sequence[str]) -> None:
    """Raises UserError for the first name that is no column."""
    for name in names:
        if name not in table.columns:
            known = list(table.columns)
            raise UserError(f"{path} has no column {shown(name)} ({option}){nearest(name, known)}")


def is_number(column: Series) -> bool:
    """Whether a column holds numbers, not categories, dates or truth values."""
    from pandas.api import types

    return types.is_numeric_dtype(column) and not types.is_bool_dtype(column)


def numbers(path: Path, column: Series) -> NDArray[np.float64]:
    """A column of numbers (N,), NaN where nothing stands. Raises UserError for what is none."""
    found = _converted(column)
    row = _first(np.isnan(found) & np.asarray(column.notna()))
    if row is not None:
        raise UserError(_told(path, column, row, "is no number"))
    with np.errstate(over="ignore"):
        row = _first(np.isinf(found.astype(np.float32)))
    if row is not None:
        raise UserError(_told(path, column, row, "is beyond float32"))
    return found


def texts(column: Series) -> NDArray[Any]:
    """A column as texts (N,), None where nothing stands; whole numbers without a point."""
    return np.array([None if _is_missing(value) else _text(value) for value in column], object)


def refuse_no_category(path: Path, column: Series) -> None:
    """Raises UserError for texts that look like numbers with slips, names, keys or dates."""
    given = np.asarray(column.notna())
    is_none = np.isnan(_converted(column)) & given
    if given.any() and 0 < is_none.sum() / given.sum() < 1 - _MOST_NUMBERS:
        row = int(is_none.argmax())
        hint = f"if that is right, name '{column.name}' in categories"
        raise UserError(f"{_told(path, column, row, 'is no number')}; {hint}")
    count = column.nunique()
    if count > MOST_CATEGORIES:
        raise UserError(
            f"{path}: the column {shown(column.name)} has {count:,} different texts: leave it out "
            "of features, or name it in categories"
        )


def _converted(column: Series) -> NDArray[np.float64]:
    """A column as numbers (N,), NaN where there is none."""
    import pandas

    found: Any = column if is_number(column) else column.astype("string")
    numbers = pandas.Series(pandas.to_numeric(found, errors="coerce"))
    return numbers.to_numpy(np.float64, na_value=np.nan)


def refuse_missing(path: Path, table: DataFrame) -> None:
    """Raises UserError for the first row with an empty field, in the order of the columns."""
    for name in table.columns:
        row = _first(np.asarray(table[name].isna()))
        if row is not None:
            raise UserError(
                f'{path}, row {row + 1}: {shown(name)} is empty or no number; missing = "drop" '
                'leaves such rows out, missing = "mean" fills numbers in'
            )


def columns(
    values: NDArray[Any], known: Sequence[str], is_one_hot: bool
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Categories (N,) as columns (N, C) of 0 and 1, or as one of numbers, and which are unknown.

    Numbers are from 1 in the order of `known`. What is not known, or missing, is 0 everywhere.
    """
    order = {name: index for index, name in enumerate(known, 1)}
    numbers = np.array([order.get(value, 0) for value in values], np.int64)
    if not is_one_hot:
        return numbers[:, None].astype(np.float32), numbers == 0
    return (numbers[:, None] == np.arange(1, len(known) + 1)).astype(np.float32), numbers == 0


def mean(path: Path, name: str, seen: NDArray[np.float64]) -> float:
    """Of what is there in the training rows of a column. Raises UserError where nothing is."""
    given = seen[~np.isnan(seen)]
    if not given.size:
        raise UserError(f"{path}: the column {shown(name)} is empty in the training split")
    return float(given.mean())


def _told(path: Path, column: Series, row: int, what: str) -> str:
    value = column[row]
    told = repr(value) if isinstance(value, str) else str(value)
    return f"{path}, row {row + 1}: {one_line(told, 40)} in {shown(column.name)} {what}"


def _first(wrong: NDArray[np.bool_]) -> int | None:
    return int(wrong.argmax()) if wrong.any() else None


def _is_missing(value: Any) -> bool:
    return value is None or value != value or str(value) == "<NA>"  # NaN is not itself


def _text(value: Any) -> str:
    is_whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if is_whole else str(value)
