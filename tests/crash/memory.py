"""Memory that runs out.

    memory/SCENARIO/137     the 137th allocation fails, whoever asks
    memory/SCENARIO/137+    and all behind it

What is asked of the program is the same as in faults.py.
"""
import os
import struct

from faults import judge_run, prove  # noqa: F401
from story import SCENARIOS

NAMES = ('submit-one', 'submit-mixed', 'submit-down', 'queue-one',
         'flush-mixed')


def run_with(world, scenario, at):
    """Returns the run, and how many allocations there were."""
    counter = os.path.join(world.folder, 'allocations')
    with open(counter, 'wb') as f:
        f.write(bytes(4))
    os.chmod(counter, 0o666)
    scenario.prepare(world)
    run = scenario.run(world, trace=[], through=[
        '/usr/bin/env', f'LD_PRELOAD={world.tools}/nomem.so',
        f'NOMEM_FILE={counter}', f'NOMEM_AT={at}'])
    with open(counter, 'rb') as f:
        return run, struct.unpack('=I', f.read(4))[0]


def points(world):
    found = []
    for name in NAMES:
        run, n = run_with(world, SCENARIOS[name], 0)
        if run.rc != 0 or n == 0:
            raise RuntimeError(f'{name} does not work: {run!r}')
        found += [f'memory/{name}/{at}{plus}' for at in range(1, n + 1)
                  for plus in ('', '+')]
    return found


def run(world, point):
    _, name, at = point.split('/')
    scenario = SCENARIOS[name]
    run, n = run_with(world, scenario, at)
    if n < int(at.rstrip('+')):
        return None
    return judge_run(world, scenario, run)
