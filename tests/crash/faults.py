"""System calls that fail.

    fault/SCENARIO/0:fsync:1:EIO    process 0's first fsync gives EIO
    fault/SCENARIO/0:open:5+:EMFILE the fifth, and all behind it
    fault/SCENARIO/2:write:1:short  writes half of what it should

After that everything works again and a flush runs.  Exit code 0 means that
nothing is lost, another one that nothing was sent; nothing dies by a signal,
nothing hangs, and no half written file stays.  Nobody gets two, but for the
one whose delivery could not be written down.  An entry of which something
final could not be written down may be in hold/, where a person has to look.
"""
import errno

from spool import entries
from story import ARRIVES, SCENARIOS, Verdict, count, judge, settle

SCENARIO_NAMES = ('submit-one', 'submit-mixed', 'submit-down', 'queue-one',
                  'back-mixed', 'flush-one', 'flush-mixed', 'flush-down',
                  'flush-refused')
ERRORS = ('ENOSPC', 'EIO', 'EDQUOT', 'EMFILE', 'ENOMEM', 'EINTR', 'EAGAIN',
          'EROFS')
CLASSES = ('open', 'write', 'fsync', 'rename', 'link', 'unlink', 'mkdir',
           'socket', 'connect', 'fork', 'pipe', 'mmap', 'getrandom')
# And all others that may fail, with what they may fail with.
OTHERS = {'read': ('EIO', 'EINTR', 'short'), 'write': ('short',),
          'close': ('EIO', 'ENOSPC', 'EDQUOT', 'EINTR'),
          'stat': ('EIO', 'ENOMEM'), 'flock': ('ENOLCK', 'EINTR', 'EAGAIN'),
          'utimens': ('EIO', 'EROFS', 'EPERM'), 'truncate': ('EIO', 'EINTR'),
          'chmod': ('EIO', 'EROFS', 'EPERM'), 'fcntl': ('EINVAL', 'EMFILE'),
          'getdents': ('EIO',), 'poll': ('EINTR', 'ENOMEM'),
          'send': ('EIO', 'ENOMEM', 'EAGAIN', 'EINTR', 'ECONNRESET', 'EPIPE'),
          'receive': ('EIO', 'ENOMEM', 'EINTR', 'ECONNRESET'),
          'sockopt': ('ENOMEM',), 'wait': ('EINTR', 'ECHILD'),
          'kill': ('ESRCH',), 'setid': ('EPERM', 'EAGAIN'),
          'prctl': ('EPERM',), 'rlimit': ('EPERM',), 'setsid': ('EPERM',),
          'dup': ('EMFILE', 'EINTR')}
# What lasts: a full disk, a table that stays full.
LASTING = {'open': ('ENOSPC', 'EMFILE', 'EROFS', 'EIO'),
           'write': ('ENOSPC', 'EIO'), 'fsync': ('EIO',),
           'rename': ('EROFS', 'EIO'), 'unlink': ('EROFS', 'EIO'),
           'fork': ('EAGAIN',), 'pipe': ('EMFILE',), 'socket': ('EMFILE',),
           'mmap': ('ENOMEM',), 'connect': ('ENETUNREACH',)}


# The call says that it has worked, and has done nothing.
LIE = 'works'


def points(world):
    found = []
    for name in SCENARIO_NAMES:
        scenario = SCENARIOS[name]
        scenario.prepare(world)
        run = scenario.run(world, trace=[])
        if run.rc != 0:
            raise RuntimeError(f'{name} does not work: {run!r}')
        for i, p in enumerate(run.processes):
            for c, n in p.classes.items():
                found += [f'fault/{name}/{i}:{c}:{at}:{error}'
                          for at in range(1, n + 1)
                          for error in errors_of(c)]
                found += [f'fault/{name}/{i}:{c}:{at}+:{error}'
                          for at in range(1, n + 1)
                          for error in LASTING.get(c, ())]
    return found


def errors_of(c):
    return (ERRORS if c in CLASSES else ()) + OTHERS.get(c, ())


def run(world, point):
    _, name, where = point.split('/')
    who, c, at, error = where.split(':')
    scenario = SCENARIOS[name]
    scenario.prepare(world)
    how = 's' if error == 'short' else getattr(errno, error, None)
    how = 0 if how is None else how     # LIE
    trace = ['-f', f'{who}:{c}:{at}:{how}']
    failed = scenario.run(world, trace=trace)
    if failed.hit is None:
        return None
    if failed.rc < 0 and world.postrider(['--help'], trace=trace).rc < 0:
        return None             # that was before the program began
    return judge_run(world, scenario, failed)


def judge_run(world, scenario, failed):
    """What the rules say about a run in which something did not work."""
    verdict = Verdict()
    if failed.hung:
        verdict.breach('hung', repr(failed))
    # SIGKILL is what the dispatcher ends its children with.
    died = [p.code for p in failed.processes
            if p.end == 'signal' and p.code != 9]
    if died or failed.rc < 0:
        verdict.breach('crashed', f'signals {died}: {failed!r}')
    known = entries(world)
    held = [e for e in known if e.path.startswith('hold/')]
    before = count(scenario.story, world.net.taken)
    settle(world, verdict, held_ok=bool(held))
    promised = scenario.is_flush or failed.rc == 0
    if held:
        verdict.held = True
        return verdict
    # An honest "not sent to all" is no breach where some were.
    arrived = judge(scenario.story, world.net.taken, promised, verdict,
                    all_or_none=failed.rc <= 0)
    if failed.rc > 0 and not scenario.is_flush and arrived:
        verdict.breach('refused', f'exit code {failed.rc}, but sent; '
                                  f'{failed.stderr[:200]!r}')
    for r in verdict.doubled:
        if scenario.story.fate(r) == ARRIVES and not before[0][r]:
            verdict.breach('doubled', f'{r}: both after the fault')
        elif 'delivered' in [e.states.get(r) for e in known]:
            verdict.breach('doubled', f'{r}: although it was recorded')
    return verdict


def prove(world):
    """A rename that lies has to be seen. Returns what is wrong, or None."""
    point = f'fault/queue-one/0:rename:1:{LIE}'
    kinds = [k for k, _ in run(world, point).breaches]
    return None if kinds == ['lost'] else f'{point} gave {kinds}'
