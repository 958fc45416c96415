"""The program under test, run in the client namespace and watched.

    client.write_conf(lifetime='1d')
    run = client.sendmail('-t', input=b'To: a@one.test\\n\\nhello\\n')
    run.rc, run.stdout, run.stderr, run.wall

The binary is $POSTRIDER.  Each client has a folder of its own with the
configuration, the spool and the log, so that tests do not meet.
"""
import json
import os
import re
import resource
import signal
import subprocess
import tempfile
import time

from . import procs
from .net import DNS4, thread
from .spy import Spy

HOSTNAME = 'client.prb.test'
PYTHON = '/usr/bin/python3'


def binary():
    path = os.environ.get('POSTRIDER', '')
    if not path or not os.access(path, os.X_OK):
        raise RuntimeError('set POSTRIDER to the installed postrider program')
    return os.path.abspath(path)


class Run:
    """What one start of the program did."""

    def __init__(self, argv, rc, stdout, stderr, wall):
        self.argv, self.rc, self.wall = argv, rc, wall
        self.stdout_bytes, self.stderr_bytes = stdout, stderr
        self.stdout = stdout.decode('utf-8', 'replace')
        self.stderr = stderr.decode('utf-8', 'replace')
        self.maxrss = None          # bytes, with measure=True

    @property
    def objects(self):
        """--json: one object per line."""
        return [json.loads(line) for line in self.stdout.splitlines() if line]

    def ok(self, rc=0):
        assert self.rc == rc, f'exit code {self.rc}, not {rc}: {self!r}'
        return self

    def quiet(self):
        """As sendmail: exit 0 and not a word."""
        self.ok()
        assert (self.stdout, self.stderr) == ('', ''), repr(self)
        return self

    def __repr__(self):
        return (f'<{" ".join(map(str, self.argv))}\n rc={self.rc} '
                f'wall={self.wall:.2f}\n stdout={self.stdout[:3000]!r}\n '
                f'stderr={self.stderr[:3000]!r}>')


class Leftover(AssertionError):
    """The program ended but something of it did not."""


class Client:
    # Directories below the spool in which no file may be left after an exit;
    # the directories themselves may stay for the next run.
    temporary = ('run', 'damaged')

    def __init__(self, lab, folder):
        self.net, self.folder = lab.net, folder
        self.ca = lab.authority.ca
        self.where = 'client'       # or 'offline'
        self.conf = os.path.join(folder, 'postrider.conf')
        self.spool = os.path.join(folder, 'spool')
        self.logfile = os.path.join(folder, 'log')
        self.tmp = os.path.join(folder, 'tmp')
        self.home = os.path.join(folder, 'home')
        for d in (self.tmp, self.home):
            os.mkdir(d)
        self._binary = binary()
        for name in ('sendmail', 'mailq', 'newaliases', 'postrider'):
            os.symlink(self._binary, os.path.join(folder, name))
        self.write_conf()
        self.env = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin',
                    'HOME': self.home, 'TMPDIR': self.tmp, 'LC_ALL': 'C.UTF-8',
                    'TZ': 'UTC'}
        # Sanitizers report to the log of the test through stderr.
        for name in ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS'):
            if name in os.environ:
                self.env[name] = os.environ[name]

    # -- settings ---------------------------------------------------------

    def write_conf(self, without=(), raw='', **settings):
        """Write postrider.conf; underscores in a name stand for hyphens."""
        values = {'hostname': HOSTNAME, 'spool': self.spool,
                  'nameserver': DNS4, 'log': self.logfile}
        values.update({k.replace('_', '-'): v for k, v in settings.items()})
        for name in without:
            values.pop(name, None)
        with open(self.conf, 'w') as f:
            for key, value in values.items():
                for v in value if isinstance(value, (list, tuple)) else [value]:
                    f.write(f'{key} {_quoted(str(v))}\n')
            f.write(raw)

    def write(self, name, text, mode=0o600):
        """Write a file into the client's folder; its path."""
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(path, mode)
        return path

    def use(self, *servers, raw='', without=(), **settings):
        """Write a configuration in which these providers are the smarthost.

        A string is a URL, a server has one; blanks go between.  The
        password comes from a file and the authority is the lab's, unless
        something else is said.
        """
        urls = [s if isinstance(s, str) else s.url for s in servers]
        known = [s for s in servers if not isinstance(s, str) and s.user]
        values = {'smarthost': ' '.join(urls)} if urls else {}
        if any('+plain' not in u for u in urls):
            values['ca_file'] = self.ca
        if known and not any(k in settings for k in (
                'password_command', 'token_command', 'netrc',
                'oauth_token_url')):
            values['password_file'] = self.write('password',
                                                 known[0].password + '\n')
        values.update(settings)
        for name in without:
            values.pop(name, None)
        self.write_conf(raw=raw, without=without, **values)

    def spy(self, *secrets):
        """Watch the processes of the client's side: with client.spy(): ..."""
        return Spy(f'/run/netns/{getattr(self.net, self.where)}', secrets)

    def name(self, program):
        """The path of a link to the program: sendmail, mailq, ..."""
        return os.path.join(self.folder, program)

    # -- running ----------------------------------------------------------

    def argv(self, *args, program='postrider', conf=True):
        words = [self.name(program)]
        if conf:
            words += ['-C', self.conf]
        return words + [str(a) if not isinstance(a, bytes) else a
                        for a in args]

    def run(self, argv, input=b'', timeout=60, env=None, cwd=None,
            background=False, measure=False, **kw):
        """Run a command to its end; kw as for subprocess.Popen.

        background: True, processes may stay and finish their work, and
        the call waits for them; 'end', they may stay and are killed (what
        they had in hand is then for the next flush).  Otherwise one that
        stays is a failure.
        """
        if isinstance(input, str):
            input = input.encode()
        before = set(procs.children(os.getpid()))
        environ = dict(self.env)
        environ.update(env or {})
        if argv[0] == 'strace' and 'ASAN_OPTIONS' in environ:
            # LeakSanitizer cannot work beside strace.
            environ['ASAN_OPTIONS'] += ':detect_leaks=0'
        begin = time.monotonic()
        command = self.net.argv(argv, self.where)
        if measure:
            # Our own rusage of the child would begin with our own size.
            memory = os.path.join(self.folder, 'memory')
            command = ['/usr/bin/time', '-q', '-f', '%M', '-o', memory,
                       *command]
        # Files, not pipes: a helper that outlives its parent and keeps the
        # other end of a pipe open would hold us up.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            kw.setdefault('stdout', out)
            kw.setdefault('stderr', err)
            feed = {'stdin': kw.pop('stdin')} if 'stdin' in kw else \
                {'stdin': subprocess.PIPE}
            p = subprocess.Popen(command, env=environ, cwd=cwd or self.folder,
                                 start_new_session=True, **feed, **kw)
            self._finish(p, input if p.stdin else None, timeout, argv)
            wall = time.monotonic() - begin
            texts = []
            for f in (out, err):
                f.seek(0)
                texts.append(f.read())
        result = Run(argv, p.returncode, *texts, wall)
        if measure:
            with open(memory) as f:
                result.maxrss = int(f.read().split()[-1]) * 1024
        self._check_children(before, result, background, timeout)
        if background != 'end':
            self.check_temporary(result)
        return result

    def start(self, *args, program='sendmail', input=b'', **kw):
        """Begin a run and return at once; end it with finish()."""
        if isinstance(input, str):
            input = input.encode()
        feed = tempfile.TemporaryFile()
        feed.write(input)
        feed.seek(0)
        p = procs.start(self.net.argv(self.argv(*args, program=program),
                                      self.where),
                        stdin=feed, stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE, env=self.env, cwd=self.folder,
                        start_new_session=True, **kw)
        feed.close()
        return p

    def finish(self, *processes, timeout=60):
        """Wait for started runs and for what they left at work."""
        end = time.monotonic() + timeout
        results = []
        for p in processes:
            out, err = p.communicate(timeout=max(1, end - time.monotonic()))
            results.append((p.returncode, out, err))
            procs.stop(p)
        self.reap(end)
        return results

    @staticmethod
    def reap(end):
        """Wait for every orphan: a killed dispatcher's workers go on."""
        while True:
            left = set(procs.children(os.getpid())) - procs.known()
            for pid in list(left):
                try:
                    if os.waitpid(pid, os.WNOHANG)[0]:
                        left.discard(pid)
                except ChildProcessError:
                    left.discard(pid)
            if not left:
                return
            if time.monotonic() > end:
                raise Leftover(str([procs.describe(p) for p in left]))
            time.sleep(0.005)

    def entries(self, place='queue'):
        """The files of one directory of the spool."""
        try:
            folder = os.path.join(self.spool, place)
            return sorted(os.path.join(folder, f) for f in os.listdir(folder))
        except FileNotFoundError:
            return []

    def files(self, place):
        """All files below one directory of the spool."""
        return [os.path.join(root, f) for root, _, names in
                os.walk(os.path.join(self.spool, place)) for f in names]

    @staticmethod
    def _finish(p, data, timeout, argv):
        """Feed, wait and reap."""
        end = time.monotonic() + timeout
        if data is not None:
            try:
                if len(data) > 65536:
                    # A caller that writes blocks until it is read.
                    thread(lambda: _write(p.stdin, data), 'stdin')
                else:
                    _write(p.stdin, data)
            except BrokenPipeError:
                pass
        try:
            p.wait(max(0.01, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()
            raise AssertionError(f'timeout after {timeout} s: {argv}')

    def _check_children(self, before, result, background, timeout):
        """Orphans have become ours (see procs.become_subreaper)."""
        wait = {True: timeout, 'end': 0}.get(background, 0.5)
        end = time.monotonic() + wait
        while True:
            left = set(procs.children(os.getpid())) - before - procs.known()
            for pid in list(left):
                try:
                    done, _ = os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    done = pid
                if done:
                    left.discard(pid)
            if not left:
                return
            if time.monotonic() > end:
                break
            time.sleep(0.005)
        names = [procs.describe(pid) for pid in left]
        # A killed parent's children become ours in turn.
        while left:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            left = set(procs.children(os.getpid())) - before - procs.known()
        if background == 'end':
            return
        raise Leftover(f'processes left behind: {names} by {result!r}')

    def check_temporary(self, result):
        left = os.listdir(self.tmp)
        for name in self.temporary:
            left += self.files(name)
        if left:
            raise Leftover(f'temporary files left: {left} by {result!r}')

    def postrider(self, *args, **kw):
        return self.run(self.argv(*args), **kw)

    def sendmail(self, *args, **kw):
        return self.run(self.argv(*args, program='sendmail'), **kw)

    def submit(self, *rcpts, body='hello\n', subject='hi', sender=None,
               options=(), **kw):
        """An ordinary message to these recipients by argv."""
        text = f'From: me@{HOSTNAME}\nTo: list@{HOSTNAME}\n' \
               f'Subject: {subject}\n\n{body}'
        sender = [] if sender is None else ['-f', sender]
        return self.sendmail('-i', *sender, *options, '--', *rcpts,
                             input=text, **kw)

    # -- what callers without -C see ---------------------------------------

    def system(self, argv, files=None, **kw):
        """Run a command on a system where postrider is /usr/sbin/sendmail.

        The command sees its own /etc and /usr/sbin (overlays in a mount
        namespace of its own); the machine keeps its own.
        files: more files below /etc, {'name': 'text'}.
        """
        upper = os.path.join(self.folder, 'system')
        if not os.path.isdir(upper):
            for d in ('etc', 'etc.work', 'sbin', 'sbin.work'):
                os.makedirs(os.path.join(upper, d))
            for name in ('sendmail', 'mailq', 'newaliases'):
                os.symlink(self._binary, os.path.join(upper, 'sbin', name))
        with open(self.conf) as f:
            conf = f.read()
        # The machine's /etc is out of reach, so its name server is, too.
        texts = {'postrider.conf': conf, 'mailname': HOSTNAME + '\n',
                 'resolv.conf': f'nameserver {DNS4}\n', **(files or {})}
        for name, text in texts.items():
            path = os.path.join(upper, 'etc', name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'w') as f:
                f.write(text)
        script = os.path.join(upper, 'enter')
        with open(script, 'w') as f:
            f.write(f'''set -e
mount --make-rprivate /
mount -t tmpfs lab {upper}/etc.work -o mode=755
mkdir {upper}/etc.work/up {upper}/etc.work/work {upper}/etc.work/sup \
{upper}/etc.work/swork
cp -a {upper}/etc/. {upper}/etc.work/up/
cp -a {upper}/sbin/. {upper}/etc.work/sup/
w={upper}/etc.work
mount -t overlay lab -o lowerdir=/etc,upperdir=$w/up,workdir=$w/work /etc
mount -t overlay lab -o lowerdir=/usr/sbin,upperdir=$w/sup,workdir=$w/swork \
/usr/sbin
own={self._own_conf()}
if [ -n "$own" ]; then
	mkdir -p $(dirname $own)
	[ -e $own ] || : > $own
	mount --bind {self.conf} $own
fi
exec "$@"
''')
        return self.run(['unshare', '--mount', '/bin/sh', script, *argv], **kw)

    def _own_conf(self):
        """Where a binary installed under some prefix looks by default."""
        prefix = os.path.dirname(os.path.dirname(self._binary))
        if prefix in ('/usr', '/usr/local', '/'):
            return '/usr/local/etc/postrider.conf' \
                if prefix == '/usr/local' else ''
        return os.path.join(prefix, 'etc', 'postrider.conf')

    # -- the queue ---------------------------------------------------------

    def mailq(self, *args):
        """The text of mailq, which must end as monitoring expects."""
        run = self.run(self.argv(*args, program='mailq')).ok()
        last = run.stdout.rstrip('\n').splitlines()[-1]
        assert last == 'Mail queue is empty' or re.fullmatch(
            r'-- \d+ Kbytes in \d+ Requests?\.', last), repr(run)
        return run.stdout

    def queue(self):
        """--queue --json: one object per queued recipient or message."""
        return self.postrider('--queue', '--json').ok().objects

    def queued(self):
        """Sorted addresses of all recipients that still wait."""
        found = []
        for o in self.queue():
            rcpts = o.get('recipients', o.get('recipient'))
            for r in rcpts if isinstance(rcpts, list) else [rcpts]:
                found.append(r if isinstance(r, str) else
                             r.get('recipient', r.get('address')))
        return sorted(found)

    def empty(self):
        return 'Mail queue is empty' in self.mailq()

    def flush(self, *args, **kw):
        return self.postrider('--flush', *args, **kw)

    def flush_now(self, *args, **kw):
        return self.flush('--now', *args, **kw)

    def log(self):
        try:
            with open(self.logfile, errors='replace') as f:
                return f.read()
        except FileNotFoundError:
            return ''


def _quoted(value):
    """As a value of the configuration, unless it is quoted already."""
    if value[:1] == '"' or not re.search('["#]|^ | $', value):
        return value
    return '"' + value.replace('\\', '\\\\').replace('"', '\\"') + '"'


def _write(pipe, data):
    try:
        pipe.write(data)
    except BrokenPipeError:
        pass
    finally:
        try:
            pipe.close()
        except BrokenPipeError:
            pass


def raise_file_limit():
    """Hundreds of scripted sessions live in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
