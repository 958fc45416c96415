"""The power is cut: what disk.py says may then be on the disk.

    power/SCENARIO/31:torn:5    after the 31st operation on the spool, the
                                fifth throw of the dice for "torn" (disk.py)

The program is recorded once for each scenario, with the time at which the
servers took each message.  Then every point is a disk on which the program is
started: a flush, or now and then a new message first, which takes over the
directory in run/.  What was promised by the time of the cut (exit code 0 was
given, or it was in the queue before) must reach everybody; what was not may
be gone, or be set aside as damaged, and is never sent by half.
"""
import os
import pickle
import random
import shutil

from disk import HOWS, Disk, Tree
from story import SCENARIOS, STORIES, Scenario, Verdict, count, judge, settle

NAMES = ('submit-one', 'submit-down', 'submit-mixed', 'submit-big',
         'queue-one', 'queue-mixed', 'queue-big', 'back-mixed',
         'flush-one', 'flush-mixed', 'flush-down', 'flush-big',
         'flush-refused')
# A spool that was there before, with its directories synced long ago.
AGAIN = ('submit-down', 'queue-one', 'submit-mixed')


class Recording:
    def __init__(self, folder, no_sync=False):
        with open(os.path.join(folder, 'rest'), 'rb') as f:
            tree, self.taken, self.scenario, self.rc = pickle.load(f)
        self.disk = Disk(os.path.join(folder, 'record'), tree, no_sync)

    def promised(self, cut):
        return self.scenario.is_flush or self.disk.exit_code(cut) == 0

    def before(self, cut):
        """What the servers had taken for sure when the power failed."""
        return [m for m in self.taken if m.when <= self.disk.when(cut)]

    def state(self, cut, how, throw):
        return self.disk.state(cut, how, random.Random(f'{cut}{how}{throw}'))


def record(world, name):
    """Run a scenario, and keep what happened."""
    what, _, again = name.partition('+')
    scenario = SCENARIOS[what]
    folder = os.path.join(world.records, name)
    if os.path.isdir(folder):
        return folder
    shutil.rmtree(folder + '.new', ignore_errors=True)
    os.makedirs(folder + '.new')
    spool = None
    if again:
        other = Scenario('queue', 'one')
        other.prepare(world)
        other.run(world)
        world.net.mended = True
        world.flush()
        spool = world.take('used')
    scenario.prepare(world, spool)
    tree = Tree(world.box)
    run = scenario.run(world, trace=['-r', f'{folder}.new/record'])
    if run.rc != 0 or run.hung:
        raise RuntimeError(f'{name} does not work: {run!r}')
    with open(f'{folder}.new/rest', 'wb') as f:
        pickle.dump((tree, world.net.taken, scenario, run.rc), f)
    os.rename(folder + '.new', folder)
    return folder


_known = {}


def recall(world, name, no_sync):
    """One recording at a time is kept in memory."""
    if (name, no_sync) not in _known:
        _known.clear()
        _known[name, no_sync] = Recording(record(world, name), no_sync)
    return _known[name, no_sync]


def points(world):
    found = []
    for name in [*NAMES, *(n + '+' for n in AGAIN)]:
        found += distinct(name, Recording(record(world, name)))
    return found


def distinct(name, recording):
    """Cuts and throws that lead to states which differ."""
    disk, found, seen = recording.disk, [], set()
    is_big = recording.scenario.story.name == 'big'
    for cut in range(len(disk.ops) + 1):
        if is_big and cut % 10 and cut < len(disk.ops) - 8:
            continue
        for how in HOWS:
            for throw in range(throws(how, is_big)):
                state = recording.state(cut, how, throw)
                key = (state.sum(), recording.promised(cut),
                       len(recording.before(cut)))
                if key not in seen:
                    seen.add(key)
                    found.append(f'power/{name}/{cut}:{how}:{throw}')
    return found


def throws(how, is_big):
    if how in ('all', 'none', 'empty', 'zeros', 'data'):
        return 1
    if is_big:
        return 1
    return 12 if how == 'dice' else 4


def run(world, point, no_sync=False):
    _, name, where = point.split('/')
    cut, how, throw = where.split(':')
    cut = int(cut)
    recording = recall(world, name, no_sync)
    scenario = recording.scenario
    world.empty()
    recording.state(cut, how, throw).write(world.box)
    verdict = Verdict()
    if random.Random(point).random() < 0.25 and \
            scenario.story.name != 'one':
        another(world, verdict)
    promised = recording.promised(cut)
    # What was never synced may be torn, whatever became of its message.
    settle(world, verdict, damaged_ok=True)
    judge(scenario.story, recording.before(cut) + world.net.taken, promised,
          verdict, all_or_none=False)
    return verdict


def another(world, verdict):
    """A new message is the first to meet what was left."""
    run = Scenario('submit', 'one').run(world)
    arrived, _ = count(STORIES['one'], world.net.taken)
    if run.rc != 0 or run.hung or list(arrived.values()) != [1]:
        verdict.breach('stumbled', f'a new message: {run!r}')


def prove(world):
    """The same with a disk that does not know fsync: it has to show, or
    these tests could not fail. Returns what is wrong with them, or None."""
    recording = Recording(record(world, 'queue-one'))
    point = f'power/queue-one/{len(recording.disk.ops)}:none:0'
    kinds = [k for k, _ in run(world, point, no_sync=True).breaches]
    if 'lost' not in kinds:
        return f'without fsync, {point} should have lost a message: {kinds}'
    return None
