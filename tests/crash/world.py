"""A small world for one point at a time: a spool, settings, servers.

    world = World(program, tracer, folder, slot)
    world.fresh('flush-mixed')          the spool as it is before
    run = world.postrider(['--flush', '--now'], trace=['-k', '0:57'])
    run.rc, run.stderr, run.processes

run() ends when the program and everything that it has started is gone, so
two points never meet.
"""
import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

from receiver import Receiver

PATIENCE = 25                   # seconds; nothing here takes one

_PR_SET_CHILD_SUBREAPER = 36
_CLONE_NEWNS = 0x20000


class Process:
    """One line of the tracer's report."""

    def __init__(self, words):
        self.end, self.code, self.calls = words[2], int(words[3]), int(words[5])
        self.classes = {k: int(v) for k, v in
                        (w.split('=') for w in words[6:])}


class Run:
    def __init__(self, rc, out, err, hung):
        self.rc, self.stdout, self.stderr, self.hung = rc, out, err, hung
        self.processes = []     # when traced
        self.hit = None         # (process, call, seconds, class)

    def __repr__(self):
        return f'rc={self.rc} {self.stderr[:300]!r}'


class World:
    def __init__(self, tools, records, slot):
        """tools: the folder of the program, the tracer and the rest."""
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        if libc.unshare(_CLONE_NEWNS) != 0:
            raise OSError(ctypes.get_errno(), 'unshare: not root?')
        subprocess.run(['mount', '--make-rprivate', '/'], check=True)
        self.tools, self.records = tools, records
        self.program = os.path.join(tools, 'postrider')
        self.tracer = os.path.join(tools, 'tracer')
        self.through = []
        self.folder = os.path.join(tools, f'slot{slot}')
        self.box = os.path.join(self.folder, 'box')
        self.conf = os.path.join(self.folder, 'conf')
        self.log = os.path.join(self.folder, 'log')
        self.report = os.path.join(self.folder, 'report')
        os.makedirs(self.box, exist_ok=True)
        for path in (self.folder, self.box):
            os.chmod(path, 0o755)
        self.net = Receiver(f'127.0.{10 + slot}.')
        self._wake()
        self.settings()

    def _wake(self):
        """The end of a child ends the wait of the servers' loop."""
        r, w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(w, warn_on_full_buffer=False)
        self.net.watch(r, lambda *_: os.read(r, 4096), None)

    @property
    def spool(self):
        return os.path.join(self.box, 'spool')

    def settings(self, **more):
        values = {'hostname': 'client.test', 'spool': self.spool,
                  'log': self.log, 'tls': 'off', 'worker-user': 'nobody', 'dns-timeout': '3s',
                  'nameserver': f'127.0.{self.net.prefix.split(".")[2]}.53:'
                                f'{self.net.dns_port}',
                  'smtp-port': self.net.port, **more}
        with open(self.conf, 'w') as f:
            for key, value in values.items():
                f.write(f'{key.replace("_", "-")} {value}\n')

    def become(self, user):
        """Whose spool it is, and who runs the program: None for root."""
        pw = pwd.getpwnam(user or 'root')
        self.empty()
        os.chown(self.box, pw.pw_uid, pw.pw_gid)
        with open(self.log, 'w'):
            os.chown(self.log, pw.pw_uid, pw.pw_gid)
        self.through = [] if user is None else [
            '/usr/bin/setpriv', f'--reuid={pw.pw_uid}',
            f'--regid={pw.pw_gid}', '--clear-groups', '--']

    # -- the spool ---------------------------------------------------------

    def empty(self):
        """No spool at all, and servers that know of nothing."""
        self.remove()
        with open(self.log, 'w'):       # stays whose it is
            pass
        self.net.reset()

    def remove(self):
        for name in os.listdir(self.box):
            path = os.path.join(self.box, name)
            if os.path.isdir(path):
                shutil.rmtree(path)
            else:
                os.unlink(path)

    def put(self, source):
        """A spool as it was copied away before."""
        shutil.copytree(source, self.spool, symlinks=True)
        st = os.stat(self.box)
        if st.st_uid != os.getuid():
            for root, dirs, names in os.walk(self.spool):
                for path in [root, *(os.path.join(root, n)
                                     for n in dirs + names)]:
                    os.chown(path, st.st_uid, st.st_gid)

    def take(self, name):
        """Copy the spool away; its path."""
        path = os.path.join(self.folder, name)
        shutil.rmtree(path, ignore_errors=True)
        if os.path.isdir(self.spool):
            shutil.copytree(self.spool, path, symlinks=True)
        return path

    def files(self, *places):
        """All files in these directories of the spool."""
        found = []
        for place in places:
            for root, _, names in os.walk(os.path.join(self.spool, place)):
                found += [os.path.relpath(os.path.join(root, n), self.spool)
                          for n in names]
        return sorted(found)

    # -- running -----------------------------------------------------------

    def postrider(self, args, stdin='/dev/null', trace=None, through=None,
                  **kw):
        """through: a command that execs the rest of its arguments."""
        argv = [*(through or self.through), self.program, '-C', self.conf,
                *args]
        if trace is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.report)
            argv = [self.tracer, '-o', self.report, *trace, '--', *argv]
        run = self.run(argv, stdin, **kw)
        if trace is not None:
            self._read_report(run)
        return run

    def flush(self, **kw):
        return self.postrider(['--flush', '--now'], **kw)

    def run(self, argv, stdin='/dev/null', patience=PATIENCE, **kw):
        kw.setdefault('env', {'PATH': '/usr/bin:/bin', 'HOME': '/',
                              'USER': 'root', 'LOGNAME': 'root'})
        until = time.monotonic() + patience
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, \
                open(stdin, 'rb') as feed:
            p = subprocess.Popen(argv, stdin=feed, stdout=out, stderr=err,
                                 cwd=self.folder, start_new_session=True, **kw)
            codes = {}
            hung = not self.net.serve(lambda: _all_ended(codes), until)
            if hung:
                _kill_children()
                self.net.serve(lambda: _all_ended(codes), until + 5)
            self.net.drain(time.monotonic() + 5)
            p.returncode = codes.get(p.pid, -signal.SIGKILL)
            texts = []
            for f in out, err:
                f.seek(0)
                texts.append(f.read().decode(errors='replace'))
        return Run(p.returncode, *texts, hung)

    def _read_report(self, run):
        """With the tracer, the code is that of the program, not its own."""
        try:
            with open(self.report) as f:
                lines = [line.split() for line in f]
        except FileNotFoundError:
            if run.hung:
                return
            raise RuntimeError(f'the tracer failed: {run!r}') from None
        for words in lines:
            if words[0] == 'process':
                run.processes.append(Process(words))
            else:
                run.hit = (int(words[1]), int(words[2]), float(words[3]),
                           words[4])
        first = run.processes[0]
        run.rc = first.code if first.end == 'exit' else -first.code


def _all_ended(codes):
    """Reap; orphans are ours, too (see prctl)."""
    try:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return False
            codes[pid] = os.waitstatus_to_exitcode(status)
    except ChildProcessError:
        return True


def _kill_children():
    """Ours, and theirs, as they become ours."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        with open(f'/proc/self/task/{os.getpid()}/children') as f:
            pids = f.read().split()
        if not pids:
            return
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.02)
        _all_ended({})
