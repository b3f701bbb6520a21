"""The report on a terminal, and as plain unwrapped lines in a log."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.model import FunctionResult, Problem, Report, Timing
from grader.report import escape, words
from grader.report.facts import Fact, facts
from grader.report.findings import Finding, faults, findings, timings
from grader.report.found import found
from grader.report.words import Status

_STYLES = {
    Status.FULL: "green",
    Status.PART: "yellow",
    Status.SLOW: "yellow",
    Status.NONE: "red",
    Status.MISSING: "red",
    Status.UNSTARTED: "dim",
    Status.FAULT: "magenta",
    Status.EMPTY: "dim",
}
_UNWRAPPED = 100_000
_ROOMY = 70
_LABEL = len("largest error")
_LONGEST_LABEL = 30
_NARROWEST = 10
_VALUE_LINES = 6
_VALUE_LIMIT = 240
_OTHERS = 4
_PROBLEMS = 12
_LONGEST_NAME = 60
_LONGEST_FILE = 80
_FOUND = 4000


def print_report(report: Report, console: Console) -> None:
    """Print the score, one row per function, and the most urgent mistake of every function that lost points."""
    _Printer(console).report(report)


def print_function(
    name: str, function: FunctionResult | None, problems: Iterable[Problem], console: Console, heading: bool = True
) -> None:
    """Print one function: its verdict on a line, its mistakes, and what else there is to say."""
    printer = _Printer(console)
    if function is None:
        printer.line(f"{name}: not checked" if name else "not checked")
    elif heading:
        state = words.status(function)
        passed = ", ".join(map(words.aspect, function.aspects))
        printer.line(f"{name}: {state.word} ({passed})", before=f"{printer.mark(state)} ", before_style=_STYLES[state])
    if function:
        printer.details(function)
    for problem in problems:
        printer.line(problem.message, before="  ")


class _Printer:
    """Writes lines to one console: wrapped with a hanging indent on a terminal, one fact per line elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.wide = not console.is_terminal
        self.encoding = console.encoding
        self.unicode = console.encoding.startswith("utf")
        self.cross = f"  {self.mark(Status.NONE)} "

    def report(self, report: Report) -> None:
        score = words.total(report)
        self.line(f"{report.title}: {score}{'' if report.outcome == 'fault' else ' points'}", style="bold")
        about = (report.submission.name, words.FRAMEWORKS[report.framework], f"{report.sandbox.backend} sandbox")
        self.line(", ".join(about), style="dim")
        self.line(words.standing(report))
        if report.audience == "staff":
            self.line(words.STAFF_NOTE, style="bold")
            for said in words.boxes(report):
                self.line(said, before="  ", style="dim")
        for fault in report.faults:
            self.line(fault, before="  ? ", before_style="magenta")
        if report.functions:
            self.line("")
            self.table(report.functions)
            self.found(report)
        self.speed(timings(report))
        self.problems(report)
        for function in report.functions:
            self.function(function)

    def table(self, functions: Iterable[FunctionResult]) -> None:
        table = Table(box=None if self.wide else box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
        table.add_column("function", overflow="fold")
        table.add_column("verdict", no_wrap=True)
        table.add_column("points", justify="right", no_wrap=True)
        if self.wide or self.console.width >= _ROOMY:
            table.add_column("checks passed")
        for function in functions:
            state = words.status(function)
            cells = [
                self.text(function.name, _LONGEST_NAME),
                self.text(f"{self.mark(state)} {state.word}", style=_STYLES[state]),
                self.text(words.out_of(function.hundredths, function.max_hundredths)),
                self.text(", ".join(map(words.aspect, function.aspects))),
            ]
            table.add_row(*cells[: len(table.columns)])
        if not self.wide:
            self.console.print(table)
            return
        options = self.console.options.update_width(_UNWRAPPED)
        for segments in self.console.render_lines(table, options, pad=False):
            self.write(Text("".join(segment.text for segment in segments).rstrip()))

    def found(self, report: Report) -> None:
        """Print one line for each file with the places of its functions, and one for what is nowhere."""
        for number, row in enumerate(found(report)):
            if not number:
                self.line("")
            file = f"{escape.excerpt(row.file, _LONGEST_FILE)}: " if row.file else ""
            told = file + ", ".join(row.functions)
            before = "Found in " if row.file else "Not found: "
            self.line(told, before=before, style="dim", before_style="dim", limit=_FOUND)

    def speed(self, timings: Iterable[Timing]) -> None:
        """Print one line for each timed function, and one more for a cost that grows too fast."""
        for number, timing in enumerate(timings):
            if not number:
                self.line("")
                self.line("Speed", style="bold")
            state = words.speed_status(timing)
            name = escape.excerpt(timing.function, _LONGEST_NAME)
            self.line(f"{name} {words.speed(timing)}", before=f"  {self.mark(state)} ", before_style=_STYLES[state])
            if growth := words.growth(timing):
                self.line(growth, before="    ")

    def problems(self, report: Report) -> None:
        problems = report.submission.problems
        if problems:
            self.line("")
            self.line("About your files", style="bold")
        for problem in problems[:_PROBLEMS]:
            where = f"{words.place(problem.location)}: " if problem.location else ""
            self.line(f"{where}{problem.message}", before="  - ")
        if more := len(problems) - _PROBLEMS:
            self.more(more, "note")

    def function(self, function: FunctionResult) -> None:
        """Print the points of a function and what costs any."""
        if words.status(function) in (Status.FULL, Status.SLOW, Status.EMPTY) and not function.note:
            return
        self.line("")
        self.line(f"{function.name}  {words.out_of(function.hundredths, function.max_hundredths)}", style="bold")
        self.details(function)

    def details(self, function: FunctionResult) -> None:
        """Print the most urgent finding in full and one line for each of the others."""
        state, reasons, ours = words.status(function), findings(function), faults(function)
        if function.note and function.note not in {finding.summary for finding in (*reasons, *ours)}:
            self.line(function.note, before="  ")
        for finding in ours:
            self.line(_told(finding), before="  ? ", before_style="magenta")
        if state is Status.FAULT and not ours and not function.note:
            self.line(words.FAULT_NOTE, before="  ? ", before_style="magenta")
        if reasons:
            self.finding(reasons[0], function)
        if state is Status.UNSTARTED:
            return
        for finding in reasons[1 : 1 + _OTHERS]:
            self.line(_told(finding), before=self.cross, before_style="red")
        self.more(len(reasons) - 1 - _OTHERS, "mistake")

    def finding(self, finding: Finding, function: FunctionResult) -> None:
        self.line(finding.summary, before=self.cross, before_style="red")
        location = finding.location or function.location
        rows = [
            Fact("hint", finding.hint),
            Fact("where", words.place(location) if location else ""),
            Fact("line", finding.source, "array"),
            Fact("check", finding.extent),
            Fact("seen", finding.picture.caption if finding.picture else ""),
            *facts(finding.first, finding.summary),
        ]
        for name, value, kind in rows:
            if value:
                limit, lines = (escape.LINE, 1) if kind == "line" else (_VALUE_LIMIT, _VALUE_LINES)
                before = f"    {escape.terminal(name)[:_LONGEST_LABEL]:<{_LABEL}} "
                self.line(value, before=before, before_style="dim", limit=limit, lines=lines)

    def more(self, number: int, noun: str) -> None:
        if number > 0:
            self.line(f"and {words.count(number, f'more {noun}')}, see the full feedback", before="  ", style="dim")

    def line(
        self,
        value: str,
        *,
        before: str = "",
        style: str = "",
        before_style: str = "",
        limit: int = escape.LINE,
        lines: int = 1,
    ) -> None:
        """Print hostile text after a prefix of ours; what does not fit on the first line is indented below it."""
        prefix = Text(self.encodable(before), style=before_style)
        content = self.text(value, limit, lines, style)
        rows = (
            content.split("\n")
            if self.wide
            else content.wrap(self.console, max(_NARROWEST, self.console.width - len(prefix)))
        )
        for number, row in enumerate(rows):
            row.rstrip()
            self.write(Text.assemble(prefix if number == 0 else " " * len(prefix), row))

    def write(self, line: Text) -> None:
        self.console.print(line, soft_wrap=True, highlight=False)

    def mark(self, state: Status) -> str:
        return state.mark if self.unicode else state.ascii_mark

    def text(self, value: str, limit: int = escape.LINE, lines: int = 1, style: str = "") -> Text:
        """Return hostile text as a rich Text, in which neither control characters nor markup do anything."""
        return Text(self.encodable(escape.terminal(value, limit, lines)), style=style)

    def encodable(self, text: str) -> str:
        if not self.unicode:
            text = text.replace("…", "...").replace("–", "-").replace("±", "+-")
        return text.encode(self.encoding, "backslashreplace").decode(self.encoding)


def _told(finding: Finding) -> str:
    """Return a finding on one line, with the checks that it is about."""
    return f"{finding.summary} ({finding.extent})" if finding.extent else finding.summary
