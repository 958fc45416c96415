"""Every process the lab starts, so that each one is ended by its own pid."""
import atexit
import ctypes
import os
import signal
import subprocess
import threading

_lock = threading.Lock()
_alive = set()

_PR_SET_CHILD_SUBREAPER = 36


def end_in_order():
    """SIGTERM and SIGHUP end a run as an interrupt does: cleaned up."""
    def stop(*_):
        raise KeyboardInterrupt
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)


def become_subreaper():
    """Orphans of the program under test become our children: they show."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def start(argv, server=False, **kw):
    """A subprocess that is killed at the end of the run at the latest.

    server: killed by the kernel should we be killed ourselves.
    """
    kw.setdefault('stdin', subprocess.DEVNULL)
    if server:
        argv = ['/usr/bin/setpriv', '--pdeathsig', 'KILL', *argv]
    p = subprocess.Popen([str(a) for a in argv], **kw)
    with _lock:
        _alive.add(p)
    return p


def stop(p, sig=signal.SIGTERM, wait=5):
    """End one process: asked first, killed when it does not listen."""
    if p.poll() is None:
        p.send_signal(sig)
        try:
            p.wait(wait)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
    with _lock:
        _alive.discard(p)


def known():
    """The pids of our own subprocesses (not those of the tested program)."""
    with _lock:
        return {p.pid for p in _alive}


def children(pid):
    """The direct children of a process, zombies included."""
    found = []
    try:
        for task in os.listdir(f'/proc/{pid}/task'):
            with open(f'/proc/{pid}/task/{task}/children') as f:
                found += [int(c) for c in f.read().split()]
    except OSError:
        pass
    return found


def inside(path):
    """The pids of all processes in the network namespace of that name."""
    ns = os.stat(path)
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            there = os.stat(f'/proc/{pid}/ns/net')
        except OSError:
            continue
        if (there.st_dev, there.st_ino) == (ns.st_dev, ns.st_ino):
            found.append(int(pid))
    return found


def read(pid, name):
    """A file of /proc/PID, b'' when the process is gone."""
    try:
        with open(f'/proc/{pid}/{name}', 'rb') as f:
            return f.read()
    except OSError:
        return b''


def describe(pid):
    try:
        with open(f'/proc/{pid}/cmdline', 'rb') as f:
            words = f.read().replace(b'\0', b' ').decode(errors='replace')
        with open(f'/proc/{pid}/stat') as f:
            state = f.read().rsplit(')', 1)[1].split()[0]
        return f'{pid} ({state}) {words}'
    except OSError:
        return f'{pid} (gone)'


@atexit.register
def stop_all():
    with _lock:
        rest = list(_alive)
    for p in rest:
        stop(p, signal.SIGKILL)
