"""A strategy file can compute on the run's bars and do nothing else; the engine's connection is locked all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from conftest import strategy, write_bars
from duckbt.engine.plan import Step
from duckbt.engine.session import Session
from duckbt.errors import DuckbtError, StrategyError
from duckbt.lake.store import Lake
from duckbt.results.run import backtest, prepare

ROWS = [(100 + i % 7, 104 + i % 7, 98 + i % 7, 101 + i % 5) for i in range(60)]

EXPRESSIONS = [
    # files
    "read_text('/etc/passwd') is not null", "(select count(*) from read_csv('/etc/passwd')) > 0", "glob('*') is not null",
    "exists (from '/etc/passwd')", "close > (from bars select max(close))", "close in (select close from bars)",
    "file_exists('/etc/passwd')", "parquet_metadata('x') is not null",
    # the system and the connection
    "getenv('HOME') = 'x'", "current_setting('threads') > 1", "version() = 'x'", "current_user() = 'x'", "pg_sleep(9)",
    "getvariable('x') = 1", "current_database() = 'memory'", "txid_current() > 0", "nextval('s') > 0", "checkpoint() = 1",
    "write_log('x') is null", "query('select 1') = 1", "query_table('bars') is null", "sql_auto_complete('x') = 'x'",
    # what would differ from run to run
    "random() > 0.5", "uuid() = 'x'", "now() > ts", "current_timestamp > ts", "current_date > ts::date", "today() > ts",
    # other statements and clauses
    "true; drop table bars", "true from bars", "true where true", "true union select true", "true order by 1",
    "true limit 1",
    "with x as (select 1) select true", "true) as x, (false", "close > 1 as hidden", "close, open", "*", "columns('.*')",
    "true; attach 'x.duckdb'", "true; copy bars to 'x'", "true; install httpfs", "true; create macro m() as 1",
    # other kinds of expression
    "string_agg(close) > 1", "max(close, 3) over () > 1", "sum(close) over () > 1", "lag(close) over () > 1", "row_number() over () > 1", "#1 > 1",
    "list_transform([1], lambda x: x) is null", "[close] is null", "{'a': close} is null", "close::blob is null",
    "main.abs(close) > 1", "system.main.abs(close) > 1", "abs(close) filter (where true) > 1", "count(distinct close) > 1",
    "close collate nocase > 'a'", "bars.close > 1", "scan.flag_0", "rowid > 1", "$1 > 1", "? > 1", "unnest([1]) > 1",
    "strict_greatest(close, 1) > 1", "strict greatest(close, 1)", "error('x')",
    # looking ahead
    "lead(close) > close", "prev(close, -1) > close", "first_value(close) > 1", "last_value(close) > 1",
]  # fmt: skip
KEYS = {
    "indicators.x": lambda e: {"indicators": {"x": e}, "entry": {"long": "close > 1"}},
    "entry.long": lambda e: {"entry": {"long": e}},
    "entry.when": lambda e: {"entry": {"long": "close > 1", "when": e}},
    "exit.stop": lambda e: {"entry": {"long": "close > 1"}, "exit": {"stop": e}},
    "exit.target_price": lambda e: {"entry": {"long": "close > 1"}, "exit": {"target_price": e}},
    "exit.max_bars": lambda e: {"entry": {"long": "close > 1"}, "exit": {"max_bars": e}},
    "exit.long": lambda e: {"entry": {"long": "close > 1"}, "exit": {"long": e}},
}  # fmt: skip


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    from duckbt.lake.register import register
    from duckbt.lake.timeframe import Timeframe

    folder = tmp_path_factory.mktemp("safety")
    made = Lake(folder / "lake")
    register([write_bars(folder / "x.parquet", ROWS)], made, symbol="X", timeframe=Timeframe("1m"))
    return made


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_that_wants_more_is_refused(expression: str, lake: Lake) -> None:
    with pytest.raises(StrategyError, match=r"entry\.long: ") as refused:
        prepare(strategy(entry={"long": expression}), lake)
    assert "^" in str(refused.value), "the message shows the spot"


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_guarded(key: str, lake: Lake) -> None:
    for expression in ("(select 1 from read_text('/etc/passwd'))", "getenv('HOME')", "1; drop table bars"):
        with pytest.raises(StrategyError) as refused:
            prepare(strategy(**KEYS[key](expression)), lake)
        assert f"{key}: " in str(refused.value)


@pytest.mark.parametrize("body", [
    "select * from read_text('/etc/passwd')", "select (select 1) as evil", "select getenv('HOME') as evil",
    "select close as evil; drop table bars", "select lead(close) over () as evil", "select close as evil from bars",
])  # fmt: skip
def test_a_strategy_s_own_indicators_are_guarded_too(body: str, lake: Lake, tmp_path: Path) -> None:
    folder = tmp_path / "indicators"
    folder.mkdir()
    (folder / "evil.sql").write_text(f"-- evil: wants too much. Nobody, 2024.\n-- parameters: none\n{body}\n")
    with pytest.raises(StrategyError, match="evil"):
        prepare(strategy(entry={"long": "close > evil()"}, path=tmp_path / "s.toml"), lake)


@pytest.mark.parametrize("text", ["x'; drop table bars; --", 'x"', "x''", "{{ 7 * 7 }}", "{% raw %}", "x\\' or true --"])
def test_text_is_data(text: str, lake: Lake, tmp_path: Path) -> None:
    """Text in expressions and parameters is never read as SQL or as a template."""
    quoted = text.replace("'", "''")
    run = backtest(
        strategy(entry={"long": f"symbol = '{quoted}'", "short": f"symbol <> '{quoted}'"}), lake, results=tmp_path
    )
    assert run.signals.filter("direction = 'long'").fetchall() == []
    assert len(run.signals.fetchall()) == len(ROWS)
    run = backtest(strategy(params={"who": text}, entry={"long": "symbol = $who"}), lake, results=tmp_path)
    assert run.signals.fetchall() == []


@pytest.mark.parametrize("symbol", ["it's", 'a"b', "a b", "x;y", "{{ x }}", "ü", "BRK.B", "^GSPC", "EUR=X"])
def test_odd_symbols_are_only_names(symbol: str, tmp_path: Path, make_lake: Callable[..., Lake]) -> None:
    run = backtest(
        strategy(entry={"long": "close > open"}, exit={"max_bars": 2}), make_lake(**{symbol: ROWS}), results=tmp_path
    )
    trades = run.trades.project("symbol").distinct().fetchall()
    assert trades == [(symbol,)]
    assert run.metrics_of(symbol)["trades"] == run.metrics["trades"]


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A session that may read one file; another one and a table of secrets lie beside it."""
    allowed = write_bars(tmp_path / "lake" / "allowed.parquet", ROWS)
    write_bars(tmp_path / "lake" / "other.parquet", ROWS)
    (tmp_path / "secret.txt").write_text("secret")
    with duckdb.connect(tmp_path / "db.duckdb") as connection:
        connection.execute("create table t (a int)")
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "link.txt").symlink_to(tmp_path / "secret.txt")
    with Session(tmp_path / "scratch", [str(allowed)]) as made:
        yield made


def test_a_session_reads_its_files_and_writes_its_folder(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "lake" / "allowed.parquet"
    assert session.rows(f"select count(*) from read_parquet('{path}')") == [(len(ROWS),)]
    session.execute(Step("write", (f"copy (select 1 as a) to '{tmp_path}/scratch/a.parquet'",)))
    assert session.rows(f"from '{tmp_path}/scratch/a.parquet'") == [(1,)]


@pytest.mark.parametrize("statement", [
    "select * from read_parquet('{here}/lake/other.parquet')", "from '{here}/lake/*.parquet'",
    "from read_text('{here}/secret.txt')",
    "from read_csv('/etc/passwd')", "from read_blob('/etc/passwd')", "from glob('{here}/*')", "attach '{here}/db.duckdb'",
    "attach '{here}/new.duckdb'", "copy (select 1) to '{here}/out.csv'", "copy (select 1) to '{here}/lake/allowed.parquet'",
    "export database '{here}/out'", "install httpfs", "load httpfs", "from 'https://example.org/x.parquet'",
    "create secret s (type s3)", "set threads = 1", "set enable_external_access = true", "set lock_configuration = false",
    "set allowed_directories = ['/']", "set temp_directory = '/tmp'", "reset enable_external_access",
    "from read_text('{here}/scratch/../secret.txt')", "import database '{here}/out'",
])  # fmt: skip
def test_a_session_reaches_nothing_else(statement: str, session: Session, tmp_path: Path) -> None:
    before = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(DuckbtError):
        session.rows(statement.format(here=tmp_path))
    assert sorted(p.name for p in tmp_path.iterdir()) == before
    assert (tmp_path / "lake" / "allowed.parquet").stat().st_size > 100


def test_an_expression_that_slipped_through_would_still_read_nothing(lake: Lake, tmp_path: Path) -> None:
    """The second line of defence: the plan with a file read put into its scan by hand."""
    (tmp_path / "secret.txt").write_text("secret")
    prepared = prepare(strategy(entry={"long": "close > open"}), lake)
    crafted = next(s for _, s in prepared.plan.statements() if "create or replace table scan" in s)
    evil = crafted.replace("close > open", f"(select content from read_text('{tmp_path}/secret.txt')) = 'secret'")
    assert evil != crafted
    (tmp_path / "scratch").mkdir()
    with Session(tmp_path / "scratch", prepared.source.files) as session:
        for name, statement in prepared.plan.statements():
            if name == "30_signals/scan":
                break
            session.execute(Step(name, (statement,)))
        session.execute(Step("the honest scan", (crafted,)))
        with pytest.raises(DuckbtError, match="Permission Error"):
            session.execute(Step("the crafted scan", (evil,)))
