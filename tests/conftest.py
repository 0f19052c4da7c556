"""What all tests share: golden files beside each of them, the option that writes them anew, patience, all the cores."""

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

# a law holds on a slow machine too; the rest is as hypothesis has it, in CI the same examples each time
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer `--update-golden`; a test whose golden file it changes fails, so that no run with it is ever green."""
    parser.addoption("--update-golden", action="store_true", help="write golden files anew, and fail where one changed")


def pytest_xdist_auto_num_workers() -> int:
    """Ask for a process more than there are cores: many tests wait for a clock."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files of slow tests first, so that none is left when the others are done."""
    slow = {each.path for each in items if each.get_closest_marker("slow")}
    items.sort(key=lambda each: each.path not in slow)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what a test recorded as `figures`, wherever it ran."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "figures":
                terminalreporter.write_line(f"{report.nodeid}\n{value}")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Hold a text beside the file of that name in the `golden` folder next to the test."""

    def compare(name: str, text: str) -> None:
        path = request.path.parent / "golden" / name
        before = path.read_text(encoding="utf-8") if path.exists() else None
        if request.config.getoption("--update-golden") and before != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            pytest.fail(f"{name} was written anew; read it as prose before you commit it")
        assert text == before

    return compare
