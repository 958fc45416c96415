"""What is sent, to whom, and what has to become of it.

A story is a message and its recipients; a scenario is what the program is
doing with it when something happens.  judge() compares what was promised
with what the servers got in the end, when all of them are mended and a
clean flush has run.
"""
import hashlib
import os
import random
import re

SENDER = 'me@back.test'

# What becomes of a recipient once everything is mended.
ARRIVES, REPORTED = 'arrives', 'reported'


class Story:
    def __init__(self, name, rcpts, size):
        self.name, self.rcpts = name, rcpts
        self.subject = f'story {name}'
        # Lines that begin with dots, of all lengths, the same in each run.
        dice = random.Random(name)
        lines, n = [], 0
        while n < size:
            line = '.' * dice.randrange(3) + f'{n} of {name} ' + \
                'x' * dice.randrange(60)
            lines.append(line)
            n += len(line) + 1
        self.body = '\n'.join(lines) + '\n'
        self.text = f'Subject: {self.subject}\n\n{self.body}'
        crlf = self.body.replace('\n', '\r\n').encode()
        self.sum = hashlib.sha256(crlf).hexdigest()

    def file(self, folder):
        path = os.path.join(folder, f'story-{self.name}')
        if not os.path.exists(path):
            with open(path, 'w') as f:
                f.write(self.text)
            os.chmod(path, 0o644)
        return path

    @staticmethod
    def fate(rcpt):
        """See receiver.py for what the sites do."""
        name, domain = rcpt.split('@')
        if domain == 'e.test' or (domain == 'b.test' and
                                  name.startswith('no')):
            return REPORTED
        return ARRIVES


STORIES = {s.name: s for s in (
    Story('one', ['u@a.test'], 700),
    Story('down', ['u@d.test'], 700),
    Story('refused', ['u@e.test', 'no1@b.test'], 700),
    Story('mixed', [f'{name}@{site}.test' for site in 'abcde'
                    for name in ('u1', 'u2', 'no1', 'later1')], 2000),
    Story('mid', ['u@a.test', 'u@d.test'], 200 << 10),
    Story('big', ['u@a.test', 'u@c.test'], 5 << 20),
)}


class Scenario:
    """name is what-story: what is submit, queue, back, flush."""

    def __init__(self, what, story):
        self.name, self.what = f'{what}-{story}', what
        self.story = STORIES[story]

    @property
    def is_flush(self):
        return self.what == 'flush'

    def args(self):
        if self.is_flush:
            return ['--flush', '--now']
        mode = {'submit': 'i', 'queue': 'q', 'back': 'b'}[self.what]
        return ['-i', f'-od{mode}', '-f', SENDER, '--', *self.story.rcpts]

    def prepare(self, world, spool=None):
        """The world as it is before.  spool: one to begin with, or none."""
        world.empty()
        if self.is_flush:
            path = os.path.join(world.folder, f'before-{self.name}')
            if not os.path.isdir(path):
                self._queue(world, path)
            world.put(path)
        elif spool:
            world.put(spool)

    def _queue(self, world, path):
        queue = Scenario('queue', self.story.name)
        run = queue.run(world)
        if run.rc != 0 or len(world.files('queue')) != 1:
            raise RuntimeError(f'cannot fill a queue: {run!r}')
        world.take(os.path.basename(path))
        world.empty()

    def run(self, world, **kw):
        stdin = '/dev/null' if self.is_flush else \
            self.story.file(world.folder)
        return world.postrider(self.args(), stdin, **kw)


SCENARIOS = {s.name: s for s in (
    Scenario('submit', 'one'), Scenario('submit', 'mixed'),
    Scenario('submit', 'big'), Scenario('submit', 'down'),
    Scenario('queue', 'one'), Scenario('queue', 'mixed'),
    Scenario('queue', 'big'), Scenario('back', 'mixed'),
    Scenario('flush', 'one'), Scenario('flush', 'mixed'),
    Scenario('flush', 'big'), Scenario('flush', 'down'),
    Scenario('flush', 'refused'), Scenario('submit', 'mid'), Scenario('queue', 'mid'),
    Scenario('flush', 'mid'))}


class Verdict:
    """What went wrong at a point, by kind; and what was counted."""

    def __init__(self):
        self.breaches = []      # (kind, text)
        self.doubled = []       # recipients that got two
        self.held = False       # left to a person, as it is documented

    def breach(self, kind, text):
        self.breaches.append((kind, text))


def count(story, taken):
    """How many copies arrived for each, and how many reports there are."""
    arrived = dict.fromkeys(story.rcpts, 0)
    reported = dict.fromkeys(story.rcpts, 0)
    for m in taken:
        if m.sender == '' and m.site == 'back':
            for r in re.findall(rb'(?im)^Final-Recipient: rfc822; *(\S+)',
                                m.body):
                if r.decode() in reported:
                    reported[r.decode()] += 1
        elif m.field('Subject') == story.subject:
            for r in m.rcpts:
                arrived[r] += 1
    return arrived, reported


def judge(story, taken, promised, verdict, all_or_none=True):
    """Add to the verdict what is wrong with what the servers have taken."""
    arrived, reported = count(story, taken)
    for m in taken:
        if m.sender != '' and m.field('Subject') == story.subject and \
                m.sum != story.sum:
            verdict.breach('partial', f'{m.rcpts} got something else')
    lost = [r for r in story.rcpts if arrived[r] + reported[r] == 0]
    if promised and lost:
        verdict.breach('lost', f'nothing came of {lost}')
    elif all_or_none and lost and len(lost) < len(story.rcpts):
        verdict.breach('some', f'not promised, but some: without {lost}')
    for r in story.rcpts:
        if arrived[r] and reported[r]:
            verdict.breach('both', f'{r} was delivered and reported')
        if (arrived[r] if story.fate(r) == REPORTED else reported[r]):
            verdict.breach('wrong', f'{r}: {arrived[r]} copies, '
                                    f'{reported[r]} reports')
        n = arrived[r] + reported[r]
        if n > 2:
            verdict.breach('doubled', f'{r} got it {n} times')
        elif n == 2:
            verdict.doubled.append(r)
    return not lost


def settle(world, verdict, damaged_ok=False, held_ok=False):
    """Everything is mended, one clean flush: nothing may stay behind."""
    world.net.mended = True
    run = world.flush()
    if run.rc != 0 or run.hung or (run.stderr and not damaged_ok):
        verdict.breach('stumbled', f'the flush: {run!r}')
    if not os.path.isdir(world.spool):
        return
    left = world.files('queue', 'run')
    if not held_ok:
        left += world.files('hold')
    if not damaged_ok:
        left += world.files('damaged')
    if left:
        verdict.breach('left', f'left behind: {left}')
    sweep(world, verdict)


def sweep(world, verdict):
    """Half written notes about sites go, too, when they are old."""
    notes = [n for n in world.files('sites') if n.endswith('.new')]
    if not notes:
        return
    for n in notes:
        os.utime(os.path.join(world.spool, n), (1, 1))
    world.flush()
    left = [n for n in world.files('sites') if n.endswith('.new')]
    if left:
        verdict.breach('left', f'not swept: {left}')
