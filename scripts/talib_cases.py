"""Every function of TA-Lib and the expression of this library that gives the same values, for tests and reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Case:
    """``expression`` gives TA-Lib's ``function`` with its default parameters.

    ``outputs``: names of our outputs in TA-Lib's order (empty: a single output). ``undefined``: why a value may be NULL
    where TA-Lib gives a number. ``loose``: the largest difference on prices with decimals where it is more than 1e-9,
    and ``reason`` for it.
    """

    function: str
    expression: str
    outputs: tuple[str, ...] = ()
    undefined: str = ""
    loose: float = 0.0
    reason: str = ""


FLAT = "0 / 0 where the price has not moved"
NO_RANGE = "0 / 0 where the bars have no range"
NO_VOLUME = "0 / 0 where no volume was traded"
HILBERT = (
    "the recursion feeds its own period back and magnifies rounding; TA-Lib smooths the price with a running sum that is "
    "never renewed and carries its rounding along"
)
PHASE = (
    HILBERT + "; where the price stands still the phase is the ratio of two numbers that are zero but for rounding, and a "
    "turn by 90 degrees or not is chance"
)
CANCELS = "TA-Lib subtracts products of sums that are nearly equal, which leaves few digits"
NEARLY_FLAT = "where the price has hardly moved, the last bit of the mean decides"
_HL = ("low", "high")
_BANDS = ("upper", "middle", "lower")
_MACD = ("macd", "signal", "histogram")
_TRANSFORMS = ("atan", "ceil", "cos", "floor", "ln", "log10", "sin", "sqrt", "tan", "tanh")

CASES = [
    # overlap studies
    Case("ACCBANDS", "accbands(20)", _BANDS),
    Case("BBANDS", "bbands(close, 20, 2, 2, 0)", _BANDS),
    Case("DEMA", "dema(close, 30)"),
    Case("DONCHIAN", "donchian(20)", _BANDS),
    Case("EMA", "ema(close, 30)"),
    Case("HMA", "hma(close, 20)"),
    Case("HT_TRENDLINE", "ht_trendline(close)"),
    Case("KAMA", "kama(close, 30)"),
    Case("KC", "kc(20, 10, 2)", _BANDS),
    Case("MA", "ma(close, 30, 0)"),
    Case("MAMA", "mama(close, 0.5, 0.05)", ("mama", "fama"), loose=1e-2, reason=PHASE),
    Case("MAVP", "mavp(close, 2 + bar_number() % 20, 2, 30, 0)"),
    Case("MIDPOINT", "midpoint(close, 14)"),
    Case("MIDPRICE", "midprice(14)"),
    Case("RMA", "rma(close, 30)"),
    Case("SAR", "sar(0.02, 0.2)"),
    Case("SAREXT", "sarext()"),
    Case("SMA", "sma(close, 30)"),
    Case("SUPERTREND", "supertrend(10, 3)", ("supertrend", "trend")),
    Case("T3", "t3(close, 5, 0.7)"),
    Case("TEMA", "tema(close, 30)"),
    Case("TRIMA", "trima(close, 30)"),
    Case("VWMA", "vwma(close, 30)", undefined=NO_VOLUME),
    Case("WMA", "wma(close, 30)"),
    Case("ZLEMA", "zlema(close, 30)"),
    # momentum
    Case("AC", "ac(5, 34, 5)"),
    Case("ADX", "adx(14)", undefined=FLAT),
    Case("ADXR", "adxr(14)", undefined=FLAT),
    Case("AO", "ao(5, 34)"),
    Case("APO", "apo(close, 12, 26, 1)"),
    Case("AROON", "aroon(14)", ("down", "up")),
    Case("AROONOSC", "aroonosc(14)"),
    Case("BOP", "bop()", undefined=NO_RANGE),
    Case("CCI", "cci(14)", undefined=FLAT, loose=1e-8, reason=NEARLY_FLAT),
    Case("CMO", "cmo(close, 14)", undefined=FLAT),
    Case("CMOU", "cmou(close, 14)", undefined=FLAT),
    Case("COPPOCK", "coppock(close, 10, 11, 14)"),
    Case("DPO", "dpo(close, 20)"),
    Case("DX", "dx(14)", undefined=FLAT),
    Case("ER", "er(close, 10)", undefined=FLAT),
    Case("ERI", "eri(13)", ("bull", "bear")),
    Case("FOSC", "fosc(close, 5)", loose=1e-7, reason=CANCELS),
    Case("FRACTAL", "fractal(2, 2)", ("high", "low")),
    Case("IMI", "imi(14)", undefined="0 / 0 where no bar has a body"),
    Case("KDJ", "kdj(9, 3, 13, 3, 13)", ("k", "d", "j"), undefined=f"{NO_RANGE}, and while such a bar has weight"),
    Case("MACD", "macd(close, 12, 26, 9)", _MACD),
    Case("MACDEXT", "macdext(close, 12, 0, 26, 0, 9, 0)", _MACD),
    Case("MACDFIX", "macdfix(close, 9)", _MACD),
    Case("MFI", "mfi(14)", undefined="0 / 0 where no money has flowed"),
    Case("MINUS_DI", "minus_di(14)", undefined=FLAT),
    Case("MINUS_DM", "minus_dm(14)"),
    Case("MOM", "mom(close, 10)"),
    Case("PLUS_DI", "plus_di(14)", undefined=FLAT),
    Case("PLUS_DM", "plus_dm(14)"),
    Case("PPO", "ppo(close, 12, 26, 1)"),
    Case("QSTICK", "qstick(10)"),
    Case("ROC", "roc(close, 10)"),
    Case("ROCP", "rocp(close, 10)"),
    Case("ROCR", "rocr(close, 10)"),
    Case("ROCR100", "rocr100(close, 10)"),
    Case("RSI", "rsi(close, 14)", undefined=FLAT),
    Case("SMI", "smi(13, 2, 25, 9)", ("smi", "signal"), undefined=NO_RANGE),
    Case("STOCH", "stoch(5, 3, 0, 3, 0)", ("k", "d"), undefined=NO_RANGE),
    Case("STOCHF", "stochf(5, 3, 0)", ("k", "d"), undefined=NO_RANGE),
    Case("STOCHRSI", "stochrsi(close, 14, 5, 3, 0)", ("k", "d"), undefined="0 / 0 where the RSI has not moved"),
    Case("TRIX", "trix(close, 30)"),
    Case("TSI", "tsi(close, 25, 13)", undefined=FLAT),
    Case("ULTOSC", "ultosc(7, 14, 28)", undefined=NO_RANGE),
    Case("VHF", "vhf(close, 28)", undefined=FLAT),
    Case("VORTEX", "vortex(14)", ("plus", "minus"), undefined=NO_RANGE),
    Case("WAD", "wad()"),
    Case("WILLR", "willr(14)", undefined=NO_RANGE),
    # volume
    Case("AD", "ad()"),
    Case("ADOSC", "adosc(3, 10)"),
    Case("CMF", "cmf(20)", undefined=NO_VOLUME),
    Case("EFI", "efi(13)"),
    Case("MARKETFI", "marketfi()", undefined=NO_VOLUME),
    Case("NVI", "nvi()"),
    Case("OBV", "obv()"),
    Case("PVI", "pvi()"),
    Case("PVO", "pvo(12, 26, 1)", undefined=NO_VOLUME),
    Case("PVT", "pvt()"),
    Case("RVOL", "rvol(20)", undefined=NO_VOLUME),
    Case("VWAP", "anchored_vwap(false)", undefined=NO_VOLUME),
    # volatility
    Case("ADR", "adr(14)"),
    Case("ATR", "atr(14)"),
    Case("CVI", "cvi(10, 10)", undefined=NO_RANGE),
    Case("MASSI", "massi(9, 25)", undefined=NO_RANGE),
    Case("NATR", "natr(14)"),
    Case("RVI", "rvi(close, 14, 10)", undefined=FLAT),
    Case("TRANGE", "trange()"),
    # price transform
    Case("AVGDEV", "avgdev(close, 14)"),
    Case("AVGPRICE", "avgprice()"),
    Case("HA", "ha()", ("open", "high", "low", "close")),
    Case("MEDPRICE", "medprice()"),
    Case("TYPPRICE", "typprice()"),
    Case("WCLPRICE", "wclprice()"),
    # statistics
    Case("BETA", "beta(high, low, 5)", undefined=FLAT, loose=1e-6, reason=CANCELS),
    Case("CORREL", "correl(high, low, 30)", undefined=FLAT, loose=1e-7, reason=CANCELS),
    Case("LINEARREG", "linearreg(close, 14)"),
    Case("LINEARREG_ANGLE", "linearreg_angle(close, 14)", loose=1e-7, reason=CANCELS),
    Case("LINEARREG_INTERCEPT", "linearreg_intercept(close, 14)"),
    Case("LINEARREG_SLOPE", "linearreg_slope(close, 14)", loose=1e-7, reason=CANCELS),
    Case("PERCENTILE", "percentile(close, 30, 50)"),
    Case("PERCENTRANK", "percentrank(close, 100)"),
    Case("STDDEV", "stddev(close, 5, 1)"),
    Case("TSF", "tsf(close, 14)"),
    Case("VAR", "var(close, 5)"),
    # math operators
    Case("ADD", "high + low"),
    Case("CUMSUM", "cumsum(close)"),
    Case("DIV", "high / low"),
    Case("MAX", "max(close, 30)"),
    Case("MAXINDEX", "maxindex(close, 30)"),
    Case("MIN", "min(close, 30)"),
    Case("MININDEX", "minindex(close, 30)"),
    Case("MINMAX", "minmax(close, 30)", _HL),
    Case("MINMAXINDEX", "minmaxindex(close, 30)", _HL),
    Case("MULT", "high * low"),
    Case("SUB", "high - low"),
    Case("SUM", "sum(close, 30)"),
    # math transform: functions of the expression language
    *(Case(name.upper(), f"{name}(close)") for name in _TRANSFORMS),
    *(Case(name.upper(), f"{name}(close / 10000)") for name in ("acos", "asin", "cosh", "exp", "sinh")),
    # cycles
    Case("HT_DCPERIOD", "ht_dcperiod(close)", loose=1e-7, reason=HILBERT),
    Case("HT_DCPHASE", "ht_dcphase(close)", loose=3, reason=PHASE),
    Case("HT_PHASOR", "ht_phasor(close)", ("inphase", "quadrature"), loose=1e-7, reason=HILBERT),
    Case("HT_SINE", "ht_sine(close)", ("sine", "leadsine"), loose=3, reason=PHASE),
    Case("HT_TRENDMODE", "ht_trendmode(close)", loose=1, reason=PHASE),
]  # fmt: skip

_PATTERNS = Path(__file__).resolve().parent.parent / "sql" / "20_indicators" / "patterns"
PATTERNS = [Case(p.stem.upper(), f"{p.stem}()") for p in sorted(_PATTERNS.glob("*.sql"))]

INDEX_OF_EXTREME = ("MAXINDEX", "MININDEX", "MINMAXINDEX")
SCALED_DOWN = ("ACOS", "ASIN", "COSH", "EXP", "SINH")  # only defined, or finite, for small numbers


def lookback(case: Case) -> int:
    """Bars before TA-Lib's first value."""
    from talib.abstract import Function

    return int(Function(case.function).lookback)


def talib_columns(case: Case, bars: dict[str, np.ndarray[Any, Any]]) -> list[np.ndarray[Any, Any]]:
    """TA-Lib's outputs on these bars, NaN before the first."""
    from talib.abstract import Function

    inputs = dict(bars)
    if case.function in SCALED_DOWN:
        inputs["close"] = bars["close"] / 10000
    inputs["periods"] = 2.0 + np.arange(len(bars["close"])) % 20
    function = Function(case.function)
    result = function(inputs)
    columns = [result] if isinstance(result, np.ndarray) else list(result)
    made = [np.asarray(c, float).copy() for c in columns]
    for column in made:
        column[: lookback(case)] = np.nan
    return made


def names(case: Case, key: str) -> list[str]:
    """Columns of a scan that declares the case as ``key``."""
    return [f"{key}_{name}" for name in case.outputs] or [key]
