"""SIGKILL at every system call.

    kill/SCENARIO/k0:57     process 0 dies at its 57th system call
    kill/SCENARIO/K0:57     and all its children with it
    kill/SCENARIO/n0:57     and a flush begins at once, while its children
                            may not know yet that they are orphans

Process 0 is the dispatcher; the others are the resolver child, the workers,
and what goes on in the background, in the order in which they were made.
After that one flush runs, and nothing may be lost that was promised, by exit
code 0 or by being in the queue; nothing cut in half; nobody gets two, except
when the kill came between the final dot and its record: then the servers have
the message, and the spool, as it was found, knows nothing of it.
"""
import os

from spool import entries
from story import ARRIVES, SCENARIOS, Verdict, count, judge, settle

SUBMIT = ('submit-one', 'submit-mixed', 'submit-big', 'submit-down',
          'queue-one', 'queue-big', 'back-mixed')
AT_ONCE = ('submit-one', 'submit-mixed', 'submit-big', 'flush-mixed',
           'flush-big')
FLUSH = ('flush-one', 'flush-mixed', 'flush-big', 'flush-refused')


def points(world):
    """Every call of every process, as two calm runs had them."""
    found = []
    for name in SUBMIT + FLUSH:
        calls = {}
        for _ in range(2):
            scenario = SCENARIOS[name]
            scenario.prepare(world)
            run = scenario.run(world, trace=[])
            if run.rc != 0:
                raise RuntimeError(f'{name} does not work: {run!r}')
            for i, p in enumerate(run.processes):
                calls[i] = max(calls.get(i, 0), p.calls)
        for i, n in calls.items():
            found += [f'kill/{name}/k{i}:{c}' for c in range(1, n + 1)]
        for how in 'K' + ('n' if name in AT_ONCE else ''):
            found += [f'kill/{name}/{how}0:{c}'
                      for c in range(1, calls[0] + 1)]
    return found


def run(world, point):
    """Returns the verdict, or None when there was no such call this time."""
    _, name, where = point.split('/')
    scenario = SCENARIOS[name]
    scenario.prepare(world)
    code = os.path.join(world.folder, 'code')
    trace = [f'-{where[0]}', where[1:]]
    if where[0] == 'n':
        trace = ['-k', where[1:], '-n', f'{world.program} -C {world.conf} '
                 f'--flush --now; echo $? >{code}']
    killed = scenario.run(world, trace=trace)
    if killed.hit is None:
        return None
    verdict = Verdict()
    if where[0] == 'n':
        with open(code) as f:
            if f.read() != '0\n':
                verdict.breach('stumbled', f'the flush at once: {killed!r}')
    if killed.hung:
        verdict.breach('hung', repr(killed))
    known = entries(world)
    before = count(scenario.story, world.net.taken)
    settle(world, verdict)
    promised = scenario.is_flush or killed.rc == 0
    arrived = judge(scenario.story, world.net.taken, promised, verdict)
    if not promised and killed.rc > 0 and arrived:
        verdict.breach('refused', f'exit code {killed.rc}, but sent')
    if verdict.doubled and where[0] != 'n':
        excuse(scenario, known, before, verdict)
    return verdict


def excuse(scenario, known, before, verdict):
    """Those who got two: in the servers' hands, and not in the records?"""
    arrived, reported = before
    for r in verdict.doubled:
        states = [e.states.get(r) for e in known if e.sender != '']
        if scenario.story.fate(r) == ARRIVES:
            if arrived[r] == 0:
                verdict.breach('doubled', f'{r}: both after the kill')
            elif 'delivered' in states:
                verdict.breach('doubled', f'{r}: although it was recorded')
        # A report is a message of its own, made before the original's
        # journal says so: killed in between, a second one is made.
        elif 'reported' in states and not (
                reported[r] and [e for e in known if e.sender == '']):
            verdict.breach('doubled', f'{r}: although it was reported')


def prove(world):
    """A queue that is emptied behind a kill, and one that is brought back
    when all was sent: both have to show. Returns what is wrong, or None."""
    scenario = SCENARIOS['flush-one']
    scenario.prepare(world)
    before = world.take('known')
    scenario.run(world, trace=['-k', '0:200'])
    world.empty()
    verdict = Verdict()
    judge(scenario.story, world.net.taken, True, verdict)
    if [k for k, _ in verdict.breaches] != ['lost']:
        return f'a lost message was not noticed: {verdict.breaches}'
    scenario.prepare(world)
    verdict = Verdict()
    for _ in range(3):
        world.remove()
        world.put(before)
        settle(world, verdict)
    judge(scenario.story, world.net.taken, True, verdict)
    if [k for k, _ in verdict.breaches] != ['doubled']:
        return f'copies were not noticed: {verdict.breaches}'
    world.net.taken[0].sum = 'half'
    judge(scenario.story, world.net.taken[:1], True, verdict)
    if verdict.breaches[-1][0] != 'partial':
        return f'half a message was not noticed: {verdict.breaches}'
    return None
