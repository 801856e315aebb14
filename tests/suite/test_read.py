from __future__ import annotations

import string
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compbench.errors import LONGEST, UserError
from compbench.suite import plan, read
from tests.checkout import ROOT, tracked

TEACHER = '[variants.teacher]\ntechnique = "train"\nmodel = "cnn"\n'
KD = '[variants.kd]\ntechnique = "distill"\nparent = "teacher"\nmodel = "mlp"\n'
INT8 = '[variants.q]\ntechnique = "quantize_static"\nparent = "teacher"\n'
PRUNE = '[variants.p]\ntechnique = "prune_channels"\nparent = "teacher"\n'
HALF = '[variants.h]\ntechnique = "float16"\nparent = "teacher"\n'
QAT = '[variants.a]\ntechnique = "quantize_aware"\nparent = "teacher"\n'
BLOCKS = '[variants.w]\ntechnique = "quantize_weights"\nparent = "teacher"\n'
SPARSE = '[variants.s]\ntechnique = "prune_weights"\nparent = "teacher"\n'
SHARED = '[variants.c]\ntechnique = "cluster_weights"\nparent = "s"\n'
LOW = '[variants.l]\ntechnique = "low_rank"\nparent = "teacher"\n'

WRONG = {
    "unknown technique": (
        '[variants.a]\ntechnique = "trian"\n',
        "[variants.a] there is no technique 'trian'; did you mean 'train'?",
    ),
    "no technique": ("[variants.a]\n", "[variants.a] needs 'technique'"),
    "unknown option": (
        TEACHER + KD + "temprature = 3.0\n",
        "[variants.kd] 'distill' has no option 'temprature'; did you mean 'temperature'?",
    ),
    "unknown model": (
        '[variants.a]\ntechnique = "train"\nmodel = "lenet"\n',
        "[variants.a] 'train': model: there is no model 'lenet'; did you mean 'lenet5'?",
    ),
    "unknown model option": (
        '[variants.a]\ntechnique = "train"\nmodel = { name = "mlp", hiden = [3] }\n',
        "'mlp' has no option 'hiden'; did you mean 'hidden'?",
    ),
    "wrong model option": (
        '[variants.a]\ntechnique = "train"\nmodel = { name = "mlp", hidden = [0] }\n',
        "'mlp': hidden.0 = 0 should be greater than 0",
    ),
    "unknown dataset": (
        'dataset = "mnits"\n' + TEACHER,
        "there is no dataset 'mnits'; did you mean 'mnist'?",
    ),
    "unknown provider": (
        TEACHER + '[targets.mine]\nprovider = "cup"\n',
        "[targets.mine] there is no provider 'cup'; did you mean 'cpu'?",
    ),
    "unknown target option": (
        TEACHER + "[targets.mine]\nthread = 2\n",
        "[targets.mine] has no option 'thread'; did you mean 'threads'?",
    ),
    "a number in quotes": (
        TEACHER + 'epochs = "10"\n',
        "[variants.teacher] 'train': epochs: '10' should be a number",
    ),
    "true for a number": (
        TEACHER + "epochs = true\n",
        "[variants.teacher] 'train': epochs: True should be a number",
    ),
    "infinity": (
        TEACHER + KD + "temperature = inf\n",
        "[variants.kd] 'distill': temperature = inf should be a finite number",
    ),
    "a seed for a list of seeds": ("seeds = 3\n" + TEACHER, "seeds = 3 should be a list"),
    "no such provider option": (
        TEACHER + '[targets.mine]\nprovider = "cuda"\nprovider_options = { device = 1 }\n',
        "[targets.mine] 'cuda' has no provider option 'device'; did you mean 'device_id'?",
    ),
    "unknown option of load": (
        TEACHER + "[targets.mine.loadgen]\nscenario = ['server']\n",
        "[targets.mine.loadgen] has no option 'scenario'; did you mean 'scenarios'?",
    ),
    "a class that is no model": (
        TEACHER.replace('"cnn"', '"compbench.suite.plan:Job"'),
        "'compbench.suite.plan:Job' is not a ModelFamily",
    ),
    "a class that is no dataset": (
        'dataset = "compbench.suite.plan:Job"\n' + TEACHER,
        "'compbench.suite.plan:Job' is not a DatasetSource",
    ),
    "zero threads": (
        TEACHER + "[targets.mine]\nthreads = 0\n",
        "[targets.mine]: threads = 0 should be greater than or equal to 1",
    ),
    "parent below": (
        KD + TEACHER,
        "[variants.kd] its parent [variants.teacher] must stand above it",
    ),
    "its own parent": (
        TEACHER + KD.replace('"teacher"', '"kd"'),
        "[variants.kd] is its own parent; known: teacher",
    ),
    "a list for a parent": (
        TEACHER + KD.replace('"teacher"', '["teacher"]'),
        "[variants.kd] parent = ['teacher'] should be a variant's name; several are parents = [",
    ),
    "a number for parents": (
        TEACHER + KD.replace('parent = "teacher"', "parents = 3"),
        "[variants.kd] parents = 3 should be a list of variants' names",
    ),
    "a dot for a colon": (
        TEACHER.replace('"cnn"', '"nets.Net"'),
        "there is no model 'nets.Net'; an import path has a colon before the class: 'nets:Net'",
    ),
    "a dot for a technique's colon": (
        '[variants.a]\ntechnique = "mine.steps.Own"\n',
        "there is no technique 'mine.steps.Own'; an import path has a colon before the class",
    ),
    "a key twice": (
        TEACHER + "epochs = 1\nepochs = 2\n",
        "is not TOML: a key is given twice (at line",
    ),
    "unknown parent": (
        TEACHER + KD.replace('"teacher"', '"techer"'),
        "[variants.kd] there is no variant 'techer'; did you mean 'teacher'?",
    ),
    "no parent": (
        TEACHER + KD.replace('parent = "teacher"\n', ""),
        "[variants.kd] 'distill' needs 1 to 16 parents, got 0",
    ),
    "torch after onnx": (
        TEACHER + INT8 + PRUNE.replace('"teacher"', '"q"'),
        "[variants.p] 'prune_channels' works on a torch module, but its parent [variants.q] is an",
    ),
    "factorised after pruning weights": (
        TEACHER + SPARSE + LOW.replace('"teacher"', '"s"'),
        "[variants.l] 'low_rank' would undo the zeros of [variants.s] ('prune_weights'); put it "
        "before that one",
    ),
    "trained after weights were shared": (
        TEACHER + SPARSE + SHARED + PRUNE.replace('"teacher"', '"c"'),
        "[variants.p] 'prune_channels' would undo the shared weights of [variants.c]",
    ),
    "quantized twice": (
        TEACHER + INT8 + HALF.replace('"teacher"', '"q"'),
        "[variants.h] 'float16' quantizes what [variants.q] ('quantize_static') quantized already: "
        "rounding twice only adds error; give it the parent 'teacher'",
    ),
    "quantized after half precision": (
        TEACHER + HALF + INT8.replace('"teacher"', '"h"'),
        "[variants.q] 'quantize_static' quantizes what [variants.h] ('float16') quantized already",
    ),
    "torch after quantization-aware training": (
        TEACHER + QAT + PRUNE.replace('"teacher"', '"a"'),
        "[variants.p] 'prune_channels' works on a torch module, but its parent [variants.a] is an "
        "ONNX file ('quantize_aware')",
    ),
    "trained after quantization": (
        TEACHER + INT8 + QAT.replace('"teacher"', '"q"'),
        "[variants.a] 'quantize_aware' quantizes what [variants.q] ('quantize_static')",
    ),
    "unknown operator": (
        TEACHER + INT8 + 'operators = ["Conf"]\n',
        "[variants.q] 'quantize_static': operators: the quantizer knows no operator 'Conf'; "
        "did you mean 'Conv'?",
    ),
    "types without a kernel": (
        TEACHER + INT8 + 'activation_type = "int8"\nweight_type = "uint8"\n',
        "[variants.q] 'quantize_static': ONNX Runtime can't multiply int8 activations by uint8",
    ),
    "percentile": (
        TEACHER + INT8 + "percentile = 50\n",
        "[variants.q] 'quantize_static': percentile = 50 should be greater than 50",
    ),
    "percentile of extremes": (
        TEACHER + INT8 + "percentile = 99.9\n",
        "[variants.q] 'quantize_static': percentile is of calibration = \"percentile\", and of no",
    ),
    "temperature of nothing": (
        TEACHER + PRUNE + "temperature = 2.0\n",
        "[variants.p] 'prune_channels': temperature is for what a parent says: soft_weight is 0",
    ),
    "block": (
        TEACHER + BLOCKS + "block_size = 48\n",
        "[variants.w] 'quantize_weights': block_size = 48 should be 16, 32, 64, 128 or 256",
    ),
    "twice": (TEACHER + TEACHER, "is not TOML: Cannot declare ('variants', 'teacher') twice"),
    "temperature": (
        TEACHER + KD + "temperature = 0\n",
        "[variants.kd] 'distill': temperature = 0 should be greater than 0",
    ),
    "weights": (
        TEACHER + KD + "soft_weight = 0\nhard_weight = 0\n",
        "[variants.kd] 'distill': soft_weight and hard_weight are both 0",
    ),
    "no student": (TEACHER + KD.replace('model = "mlp"\n', ""), "'distill' needs 'model'"),
    "ratio 1": (TEACHER + PRUNE + "ratio = 1.0\n", "ratio = 1.0 should be less than 1"),
    "negative ratio": (TEACHER + PRUNE + "ratio = -0.1\n", "should be greater than or equal to 0"),
    "rank 0": (TEACHER + LOW + "ratio = 0\n", "ratio = 0 should be greater than 0"),
    "rank 2": (TEACHER + LOW + "ratio = 2\n", "ratio = 2 should be less than or equal to 1"),
    "wrong type": (
        TEACHER + INT8 + 'weight_type = "int9"\n',
        "weight_type = 'int9' should be 'int8', 'uint8' or 'int4'; did you mean 'int8'?",
    ),
    "model and parent": (
        TEACHER + '[variants.b]\ntechnique = "train"\nparent = "teacher"\nmodel = "mlp"\n',
        "[variants.b] 'train' has a parent and a model",
    ),
    "neither": ('[variants.b]\ntechnique = "train"\n', "[variants.b] 'train' needs 'model'"),
    "empty": ("", "has no variants"),
    "no TOML": ("<html>", "is not TOML"),
    "baseline": (
        'baseline = "techer"\n' + TEACHER,
        "baseline: there is no variant 'techer'; did you mean 'teacher'?",
    ),
    "reference": (
        TEACHER + '[references.techer]\nvalue = 0.99\nsource = "x"\n',
        "references: there is no variant 'techer'; did you mean 'teacher'?",
    ),
    "reference in percent": (
        TEACHER + '[references.teacher]\nvalue = 99.0\nsource = "x"\n',
        "[references.teacher]: value = 99.0 should be a share from 0 to 1, of accuracy",
    ),
    "drop of another metric": (
        'task = "regression"\n' + TEACHER + '[pick]\nmax_drop = "1pp"\n',
        "[pick] max_drop: '1pp' should be a number, since the metric is RMSE, or such a share of "
        "the baseline's value as 2%",
    ),
    "temperature of numbers": (
        'task = "regression"\n' + TEACHER + '[variants.taught]\ntechnique = "distill"\n'
        'parent = "teacher"\nmodel = "mlp"\ntemperature = 2.0\n',
        "[variants.taught] temperature would change nothing: the outputs of the task 'regression' "
        "are not softened; remove it",
    ),
    "drop of more than all": (
        TEACHER + '[pick]\nmargin = "5"\n',
        "[pick] margin: '5' should be percentage points such as 1pp, or 0 to 1: write 5pp",
    ),
    "unknown shift": (
        TEACHER + "[shifts]\nnose = {}\n",
        "[shifts.nose] there is no shift 'nose'; did you mean 'noise'?",
    ),
    "unknown shift of another name": (
        TEACHER + '[shifts]\nmine = { shift = "blurr" }\n',
        "[shifts.mine] there is no shift 'blurr'; did you mean 'blur'?",
    ),
    "unknown option of a shift": (
        TEACHER + "[shifts]\nnoise = { severity = 3 }\n",
        "[shifts.noise] the shift 'noise' has no option 'severity'; did you mean 'severities'?",
    ),
    "severity 6": (
        TEACHER + "[shifts]\nnoise = { severities = [1, 6] }\n",
        "[shifts.noise] the shift 'noise': severities.1 = 6 should be less than or equal to 5",
    ),
    "severity 0": (
        TEACHER + "[shifts]\nnoise = { severities = [0] }\n",
        "severities.0 = 0 should be greater than or equal to 1",
    ),
    "severity true": (
        TEACHER + "[shifts]\nnoise = { severities = [true] }\n",
        "severities.0 = True should be a valid integer",
    ),
    "severities twice": (
        TEACHER + "[shifts]\nnoise = { severities = [2, 2] }\n",
        "[shifts.noise] the shift 'noise': severities: [2, 2] has one twice",
    ),
    "no severities": (
        TEACHER + "[shifts]\nnoise = { severities = [] }\n",
        "[shifts.noise] the shift 'noise': severities = [] should have at least 1 item",
    ),
    "a shift that is no table": (
        TEACHER + "[shifts]\nnoise = 3\n",
        "shifts.noise = 3 should be a table",
    ),
    "a shift's name": (TEACHER + '[shifts]\n"a.b" = {}\n', "a name has letters, digits"),
    "a shift by its path alone": (
        TEACHER + '[shifts]\n"mine:Fog" = {}\n',
        "[shifts] 'mine:Fog' stands under a name of its own: mine = { shift = \"mine:Fog\" }",
    ),
    "a shift that is a number": (
        TEACHER + "[shifts]\nmine = { shift = 3 }\n",
        "[shifts.mine] shift = 3 should be a shift's name, or 'package.module:Class'",
    ),
    "a class that is no shift": (
        TEACHER + '[shifts]\nmine = { shift = "compbench.losses.soft:Loss" }\n',
        "[shifts.mine] 'compbench.losses.soft:Loss' is not a ShiftBase",
    ),
    "seeds": ("seeds = [1, 1]\n" + TEACHER, "names a seed twice"),
    "no seeds": ("seeds = []\n" + TEACHER, "seeds = [] should have at least 1 item"),
    "top level": ('datset = "digits"\n' + TEACHER, "has no option 'datset'; did you mean"),
    "one launch": (TEACHER + "[measure]\nlaunches = 1\n", "launches = 1 should be greater than"),
    "name": ('[variants."a b"]\ntechnique = "train"\nmodel = "mlp"\n', "a name has letters"),
    "import path": ('[variants.a]\ntechnique = "no.such:Thing"\n', "does not import"),
    "import class": (
        '[variants.a]\ntechnique = "compbench.techniques.train:Technik"\n',
        "has no class 'Technik'; did you mean 'Technique'?",
    ),
}


HUGE = {
    "a number of thousands of digits": (
        TEACHER + f"epochs = {'1' * 5000}\n",
        "is not TOML: Exceeds the limit",
    ),
    "a number of more than 64 bits": (
        TEACHER + f"epochs = 0x{'f' * 5000}\n",
        "variants.teacher.epochs: a whole number has 64 bits at most",
    ),
    "thousands of brackets": (
        TEACHER + f"epochs = {'[' * 3000}{']' * 3000}\n",
        "has tables or lists that are nested too deep",
    ),
    "a megabyte": (TEACHER + "#" * 1_000_001, "is larger than 1,000,000 bytes, which no suite"),
}


@pytest.mark.parametrize(
    ("text", "message"), [*WRONG.values(), *HUGE.values()], ids=[*WRONG, *HUGE]
)
def test_wrong_input_is_one_line_with_place_and_hint(
    write_suite: Callable[[str], Path], text: str, message: str
) -> None:
    path = write_suite(text)
    with pytest.raises(UserError) as caught:
        read.load(path)
    line = str(caught.value)
    assert f"/{path.name}: " in line
    assert message in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TEACHER.encode("utf-16"), "is in UTF-16: save it as UTF-8"),
        (b"description = '\xff'", "is no text in UTF-8: invalid start byte at byte 15"),
    ],
)
def test_bytes_that_are_no_text_are_one_line(
    write_suite: Callable[[str], Path], content: bytes, message: str
) -> None:
    path = write_suite("")
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read.load(path)


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ('"{}"', "'1111"),  # what looks for a number with a unit in it would take minutes
        ('"0.{}pp"', "'0.1111"),
        ("{}", "is not TOML: "),
        ("0.{}x", "is not TOML: "),
    ],
)
def test_a_number_of_thousands_of_digits_is_one_line(
    value: str, part: str, write_suite: Callable[[str], Path]
) -> None:
    path = write_suite(f"[pick]\nmax_drop = {value.format('1' * 16_000)}\n{TEACHER}")
    with pytest.raises(UserError) as raised:
        read.load(path)
    assert part in str(raised.value)
    assert len(str(raised.value)) <= LONGEST and "\n" not in str(raised.value)


def test_missing_file_names_the_nearest(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("suites").mkdir()
    Path("suites", "quickstart.toml").write_text(TEACHER)
    with pytest.raises(UserError, match=r"did you mean 'suites/quickstart\.toml'"):
        read.load(Path("suites/quickstrat.toml"))


def test_shifts_are_read_by_their_names(write_suite: Callable[[str], Path]) -> None:
    table = '[shifts]\nblur = { severities = [5, 1] }\nnoise = {}\nmine = { shift = "noise" }\n'
    found = read.load(write_suite(TEACHER + table)).shifts
    assert {name: one.described() for name, one in found.items()} == {
        "blur": {"shift": "blur", "severities": [1, 5], "seed": 0},
        "noise": {"shift": "noise", "severities": [1, 2, 3, 4, 5], "seed": 0},
        "mine": {"shift": "noise", "severities": [1, 2, 3, 4, 5], "seed": 0},
    }
    assert read.load(write_suite(TEACHER)).shifts == {}


@pytest.mark.parametrize("path", tracked("suites"), ids=lambda path: path.stem)
def test_shipped_suites_are_right(path: Path) -> None:
    loaded = read.load(path)
    assert loaded.baseline == "teacher"
    assert len(loaded.variants) >= 4


def test_fast_never_measures_more(write_suite: Callable[[str], Path]) -> None:
    loaded = read.load(write_suite(TEACHER + "[measure]\nlaunches = 2\nseconds_per_arm = 0.3\n"))
    fast = read.fast(loaded)
    assert fast.is_fast
    assert (fast.measure.launches, fast.measure.seconds_per_arm) == (2, 0.1)


def test_a_byte_order_mark_is_no_matter(write_suite: Callable[[str], Path]) -> None:
    assert list(read.load(write_suite("\ufeff" + TEACHER)).variants) == ["teacher"]


def test_providers_measures_artifacts_of_the_quickstart() -> None:
    suites = [read.load(ROOT / "suites" / name) for name in ("providers.toml", "quickstart.toml")]
    keys = [{job.key for job in plan.plan(one, "d")} for one in suites]
    assert keys[0] < keys[1]


def test_lineage_and_defaults(write_suite: Callable[[str], Path]) -> None:
    loaded = read.load(write_suite(TEACHER + KD + INT8.replace('"teacher"', '"kd"')))
    quantized = loaded.variants["q"]
    assert not quantized.is_torch
    assert quantized.parents == ("kd",)
    assert quantized.root_model == loaded.variants["kd"].technique.model  # type: ignore[attr-defined]
    assert loaded.seeds == (0,)
    assert list(loaded.targets) == ["cpu_1thread"]


def test_a_model_by_import_path(write_suite: Callable[[str], Path]) -> None:
    text = TEACHER.replace('"cnn"', '"compbench.models.mlp:Model"')
    model = read.load(write_suite(text)).variants["teacher"].root_model
    assert type(model).__module__ == "compbench.models.mlp"


@given(st.text(alphabet=string.printable, max_size=200))
def test_any_text_is_a_suite_or_a_user_error(tmp_path_factory: pytest.TempPathFactory, text: str):
    path = tmp_path_factory.mktemp("any") / "any.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError):
        read.load(path)


values = st.one_of(
    st.integers(-2, 3), st.floats(-1, 2), st.text(max_size=5), st.booleans(), st.just([])
)


@given(st.sampled_from(["temperature", "soft_weight", "epochs", "model", "optimizer"]), values)
def test_any_option_value_is_taken_or_a_user_error(
    tmp_path_factory: pytest.TempPathFactory, option: str, value: object
) -> None:
    written = str(value).lower() if isinstance(value, bool) else repr(value)
    if isinstance(value, str):
        written = '"' + "".join(c for c in value if c.isalnum() and c.isascii()) + '"'
    path = tmp_path_factory.mktemp("any") / "any.toml"
    kd = KD.replace('model = "mlp"\n', "") if option == "model" else KD
    path.write_text(f"{TEACHER}{kd}{option} = {written}\n")
    problem = _problem(path)
    assert problem is None or ("[variants.kd]" in problem and "\n" not in problem)


def _problem(path: Path) -> str | None:
    try:
        read.load(path)
    except UserError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("task", "said", "recorded"),
    [
        ("classification", '"2pp"', 0.02),
        ("classification", None, 0.01),
        ("regression", '"2%"', "2%"),
        ("regression", "0.25", 0.25),
        ("regression", None, "1%"),
    ],
)
def test_what_may_be_lost_is_in_the_metric_s_unit(
    write_suite: Callable[[str], Path], task: str, said: str | None, recorded: float | str
) -> None:
    pick = f"[pick]\nmax_drop = {said}\n" if said else ""
    suite = read.load(write_suite(f'task = "{task}"\n{TEACHER}{pick}'))
    assert (suite.pick.max_drop, suite.pick.margin) == (recorded, None)


def test_numbers_are_distilled_without_a_temperature(write_suite: Callable[[str], Path]) -> None:
    taught = '[variants.taught]\ntechnique = "distill"\nparent = "teacher"\nmodel = "mlp"\n'
    suite = read.load(write_suite(f'task = "regression"\n{TEACHER}{taught}'))
    assert [*suite.variants] == ["teacher", "taught"]


@pytest.mark.parametrize(("task", "value"), [("classification", 0.99), ("regression", 4.5)])
def test_a_published_figure_is_in_the_metric_s_unit(
    write_suite: Callable[[str], Path], task: str, value: float
) -> None:
    reference = f'[references.teacher]\nvalue = {value}\nsource = "x"\n'
    suite = read.load(write_suite(f'task = "{task}"\n{TEACHER}{reference}'))
    assert suite.references["teacher"].value == value
