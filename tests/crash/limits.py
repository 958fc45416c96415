"""Limits that a caller has set, hard ones, for a plain user.

    limit/SCENARIO/nofile=5     setrlimit(2), by prlimit(1)

What is asked of the program is the same as in faults.py.  A limit that is too
tight for the program to start at all says nothing: postrider --help does not
come through either.
"""
from faults import judge_run, prove  # noqa: F401
from story import SCENARIOS

NAMES = ('submit-one', 'submit-mixed', 'submit-down', 'queue-one',
         'flush-mixed')
MB = 1 << 20
LIMITS = {
    'fsize': (0, 1, 100, 512, 1024, 1500, 2048, 3000, 3500, 4096, 8192),
    'cpu': (1,),
    'nofile': tuple(range(0, 41)),
    'as': tuple(n * MB // 2 for n in range(2, 60)),
    'data': tuple(n * MB // 8 for n in range(1, 40)),
    'nproc': (0, 1),
    'stack': (4096, 8192, 16384, 32768, 65536, 131072, 262144),
    'core': (-1,),
    'memlock': (0, 4096),
    'rss': (0,),
    'sigpending': (0,),
}


def points(_):
    return [f'limit/{name}/{what}={n}' for name in NAMES
            for what, values in LIMITS.items() for n in values]


def run(world, point):
    _, name, limit = point.split('/')
    what, n = limit.split('=')
    n = 'unlimited' if n == '-1' else n
    scenario = SCENARIOS[name]
    through = ['/usr/bin/setpriv', '--reuid=nobody', '--regid=nogroup',
               '--clear-groups', '--', '/usr/bin/prlimit',
               f'--{what}={n}:{n}', '--']
    try:
        world.become('nobody')
        scenario.prepare(world)
        limited = scenario.run(world, trace=[], through=through)
        if limited.rc < 0 or limited.rc in (1, 127):
            helped = world.postrider(['--help'], trace=[], through=through)
            if helped.rc != 0:
                return None
        return judge_run(world, scenario, limited)
    finally:
        world.become(None)
