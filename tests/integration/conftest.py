"""Fixtures: one lab for the run, one client and fresh servers per test."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '..'))

from lab import clock  # noqa: E402
from lab.lab import Lab  # noqa: E402

_lab = None


@pytest.fixture(scope='session')
def whole_lab():
    global _lab
    _lab = Lab()
    yield _lab
    _lab.close()


@pytest.fixture
def lab(whole_lab):
    """The lab; servers a test opens end with it and must have no complaint."""
    yield whole_lab
    complaints = whole_lab.end_test()
    assert not complaints, 'the client broke the rules:\n' + \
        '\n'.join(complaints)


@pytest.fixture
def client(lab):
    """The tested program with a configuration and spool of its own."""
    return lab.client()


@pytest.fixture(scope='session')
def mtas(whole_lab):
    """Postfix, Exim and OpenSMTPD, running: mtas('exim')."""
    whole_lab.start_mtas()
    return whole_lab.mta


@pytest.fixture(scope='session')
def wrong_clock(tmp_path_factory):
    """For who starts the program at another time: lab/clock.py."""
    clock.build(tmp_path_factory.mktemp('clock'))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Show the client's log and the servers' transcripts with a failure."""
    report = (yield).get_result()
    if report.when == 'call' and report.failed:
        client = item.funcargs.get('client')
        if client is not None and client.log():
            report.sections.append(('log of the client',
                                    client.log()[-4000:]))
        lab = item.funcargs.get('lab')
        for i, srv in enumerate(getattr(lab, '_open', [])):
            if hasattr(srv, 'transcript'):
                report.sections.append((
                    f'server {srv.name} {" ".join(srv.addresses)}, '
                    f'{len(srv.sessions)} sessions',
                    srv.transcript()[-4000:]))
        if lab is not None:
            report.sections.append(('what still goes on', lab.net.busy()))


_figures = []


@pytest.fixture
def figures():
    """Tell what was measured, at the end of the run: figures('...')."""
    return _figures.append


def pytest_terminal_summary(terminalreporter):
    if _figures:
        terminalreporter.section('figures')
        for line in _figures:
            terminalreporter.write_line(line)


def pytest_addoption(parser):
    parser.addoption('--all', action='store_true',
                     help='also what takes many minutes')


def pytest_configure(config):
    config.addinivalue_line(
        'markers', 'thorough: takes minutes; only with --all')


def pytest_collection_modifyitems(config, items):
    """The lab's own tests first, so that a broken lab is seen at once."""
    items.sort(key=lambda i: 'test_lab' not in str(i.fspath))
    if config.getoption('--all'):
        return
    left = [i for i in items if i.get_closest_marker('thorough')]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [i for i in items if i not in left]
