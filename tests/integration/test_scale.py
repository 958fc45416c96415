"""Large numbers: what is done costs what it should, and not more the more
there is of the rest."""
import os
import resource
import subprocess
import time

import pytest

from lab import procs

# What the program promises on an idle machine may take so much longer here.
NOISE = 4

ENTRIES = 100_000


@pytest.fixture
def quick_spool(client):
    """A spool in memory: the time of a disk is not what is measured."""
    os.mkdir(client.spool, 0o700)
    subprocess.run(['mount', '-t', 'tmpfs', '-o',
                    'mode=700,size=3g,nr_inodes=0', 'lab', client.spool],
                   check=True)
    yield client.spool
    subprocess.run(['umount', '-l', client.spool], check=True)


def fill(client, n, domain='later.test'):
    """So many messages more, queued by the program."""
    box = os.path.join(client.folder, 'box')
    with open(box, 'w') as f:
        for i in range(n):
            f.write(f'From me Sun Nov 22 10:00:00 2026\nTo: u{i}@{domain}\n'
                    f'Subject: {i}\n\n{i}\n\n')
    client.postrider('-odq', '--send', box, timeout=300).quiet()
    os.unlink(box)


def postpone(client):
    """Nothing is due for two hours."""
    due = time.time() + 7200
    with os.scandir(os.path.join(client.spool, 'queue')) as entries:
        for e in entries:
            os.utime(e.path, (due, due))


class Cost:
    """Seconds of processor time, and on the clock: the best of some runs."""

    def __init__(self, run, times=1):
        self.cpu = self.wall = float('inf')
        for _ in range(times):
            before = self.used()
            self.run = run()
            self.cpu = min(self.cpu, self.used() - before)
            self.wall = min(self.wall, self.run.wall)

    @staticmethod
    def used():
        r = resource.getrusage(resource.RUSAGE_CHILDREN)
        return r.ru_utime + r.ru_stime


# -- many entries --------------------------------------------------------------------

def opened(client, *args):
    """The files that a run opens, as lines of strace."""
    trace = os.path.join(client.folder, 'trace')
    client.run(['strace', '-f', '--seccomp-bpf', '-o', trace, '-e',
                'trace=open,openat,openat2', *client.argv(*args)],
               timeout=120).ok()
    with open(trace) as f:
        return [line for line in f if 'open' in line]


def check_flush_of_nothing(client, n, figures):
    """Returns the memory it took."""
    cost = Cost(lambda: client.flush(measure=True).ok(), 3)
    figures(f'flush, nothing due of {n}: {cost.wall:.2f} s '
            f'({cost.cpu:.2f} s CPU), {cost.run.maxrss >> 10} KB')
    assert cost.wall < 1 * NOISE
    return cost.run.maxrss


@pytest.mark.timeout(600)
def test_entries(lab, client, quick_spool, figures):
    """What is not due is not opened; memory is for what is in hand."""
    memory, have = {}, 0
    for n in 1000, 10_000, ENTRIES:
        fill(client, n - have)
        have = n
        postpone(client)
        memory[n] = check_flush_of_nothing(client, n, figures)
    # Which pages the libraries touch differs a little from run to run.
    assert memory[ENTRIES] - memory[1000] < 4 * ENTRIES

    lines = opened(client, '--flush')
    assert 0 < len(lines) < 200, len(lines)
    names = {os.path.basename(p) for p in client.entries()}
    assert not [line for line in lines
                if line.split('"')[1].split('/')[-1] in names]

    cost = Cost(lambda: client.run(client.argv(program='mailq'),
                                   measure=True).ok(), 2)
    figures(f'mailq, {ENTRIES}: {cost.wall:.2f} s ({cost.cpu:.2f} s CPU), '
            f'{cost.run.maxrss >> 10} KB')
    assert cost.run.stdout.endswith(f' in {ENTRIES} Requests.\n')
    assert cost.wall < 5 * NOISE

    check_flush_of_all(client, figures)


def check_flush_of_all(client, figures):
    """4000 entries are in hand at a time, however many are due."""
    client.write_conf(route='* discard')
    memory = {}
    for n in ENTRIES, 20_000:
        if n != ENTRIES:
            fill(client, n)
        cost = Cost(lambda: client.flush_now(measure=True, timeout=300).ok())
        memory[n] = cost.run.maxrss
        assert client.entries() == []
        figures(f'flush, {n} due: {cost.cpu / n * 1e6:.0f} us of CPU each, '
                f'{memory[n] >> 10} KB')
    each = (memory[ENTRIES] - memory[20_000]) / (ENTRIES - 20_000)
    figures(f'an entry that waits for its turn: {each:.0f} octets')
    assert each < 64


# -- many recipients of one message ------------------------------------------------------

def one_to_many(client, domain, n):
    """One entry with n recipients."""
    rcpts = ',\n '.join(f'u{i}@{domain}' for i in range(n))
    client.sendmail('-t', '-odq', input=f'Subject: s\nBcc: {rcpts}\n\nx\n',
                    timeout=120).quiet()


@pytest.mark.parametrize('fate', ['delivered', 'deferred'])
def test_recipients(lab, client, quick_spool, figures, fate):
    """What becomes of one of 100 000 is noted as fast as of one of 10 000."""
    lab.dns.add({'dead.test': {'A': [lab.address()]}})
    if fate == 'delivered':
        client.write_conf(route='* discard')
    each = {}
    for n in 10_000, 100_000:
        one_to_many(client, 'dead.test', n)
        size = os.path.getsize(client.entries()[0])
        cost = Cost(lambda: client.flush_now(measure=True, timeout=120).ok())
        each[n] = cost.cpu / n
        figures(f'{n} recipients of one message {fate}: '
                f'{each[n] * 1e6:.1f} us of CPU each, '
                f'{cost.run.maxrss >> 10} KB')
        if fate == 'delivered':
            assert client.entries() == []
            continue
        path, = client.entries()
        noted = (os.path.getsize(path) - size) / n
        assert noted < 200, 'a short line for each'
        os.unlink(path)
    assert client.log().count(f'status={"sent" if fate == "delivered" else fate}'
                              ) == 110_000
    assert each[100_000] < 3 * each[10_000]


# -- many sites --------------------------------------------------------------------------

class Watch:
    """What a dispatcher and its children have at most."""

    def __init__(self):
        self.processes = self.files = self.memory = 0

    def look(self, pid):
        # Those that have ended and are reaped at the end are no burden.
        alive = [c for c in procs.children(pid)
                 if b'\nState:\tZ' not in procs.read(c, 'status')]
        self.processes = max(self.processes, 1 + len(alive))
        try:
            files = len(os.listdir(f'/proc/{pid}/fd'))
        except OSError:
            return
        self.files = max(self.files, files)
        for line in procs.read(pid, 'status').splitlines():
            if line.startswith(b'RssAnon:'):
                self.memory = max(self.memory, int(line.split()[1]) << 10)


def add_sites(lab, n):
    """Domains with a mail exchanger each, none of which answers: some say
    nothing, enough to keep all workers busy, the others that they are not
    there."""
    dead, hole = lab.address(), lab.address()
    lab.net.swallow(hole)
    names = [f'd{i}.many.test' for i in range(n)]
    lab.dns.add({d: {'MX': [f'10 mx.{d}']} for d in names} | {
        f'mx.{d}': {'A': [hole if i % min(n // 200, 8) == 0 else dead]}
        for i, d in enumerate(names)})
    return names


@pytest.mark.timeout(600)
@pytest.mark.parametrize('n', [
    1000, pytest.param(10_000, marks=pytest.mark.thorough)])
def test_sites(lab, client, quick_spool, figures, n):
    """One pass, 64 workers at a time, and a little memory for each site."""
    client.write_conf(jobs=64, connect_timeout='1s')
    names = add_sites(lab, n)
    client.sendmail('-t', '-odq', input='Subject: s\nBcc: ' + ',\n '.join(
        f'u@{d}' for d in names) + '\n\nx\n').quiet()
    watch, begin, used = Watch(), time.monotonic(), Cost.used()
    p = client.start('--flush', '--now', program='postrider')
    while p.poll() is None:
        watch.look(p.pid)
        assert time.monotonic() - begin < 500
        time.sleep(0.01)
    client.finish(p)
    lab.dns.remove(*names, *(f'mx.{d}' for d in names))
    figures(f'{n} sites, jobs 64: {time.monotonic() - begin:.1f} s, '
            f'{(Cost.used() - used) / n * 1e3:.1f} ms of CPU each, at most '
            f'{watch.processes} processes, {watch.files} descriptors, '
            f'{watch.memory >> 10} KB')
    assert client.log().count('status=deferred') == n
    # The dispatcher, its resolver, workers, and those that say goodbye.
    assert 64 <= watch.processes <= 2 + 2 * 64
    assert watch.files <= 2 * 64
    assert watch.memory < (4 << 20) + n * 6000
