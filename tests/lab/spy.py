"""Watches the processes of the tested program from outside.

    with client.spy('secret') as spy:
        client.submit(...)
    spy.leaks, spy.maps('libcurl')
"""
import threading
import time

from . import procs
from .net import thread


class Spy:
    """leaks: where a secret was seen; commands: what ran, by pid."""

    def __init__(self, namespace, secrets):
        self.namespace = namespace
        self.secrets = [s.encode() for s in secrets]
        self.leaks, self.commands = [], {}
        self.rounds = 0
        self._end = threading.Event()

    def __enter__(self):
        self._thread = thread(self._run, 'spy')
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()

    def _run(self):
        while not self._end.is_set():
            self._look()
            time.sleep(0.002)

    def _look(self):
        for pid in procs.inside(self.namespace):
            words = procs.read(pid, 'cmdline')
            if words:
                self.commands[pid] = words
            for what, data in (('cmdline', words),
                               ('environ', procs.read(pid, 'environ'))):
                if any(s in data for s in self.secrets):
                    self.leaks.append((pid, what, data))
        self.rounds += 1

    def maps(self, library):
        """The pids that have this library mapped right now, and all."""
        pids = [p for p in procs.inside(self.namespace)
                if b'postrider' in procs.read(p, 'maps')]
        return [p for p in pids
                if library.encode() in procs.read(p, 'maps')], pids
