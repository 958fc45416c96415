"""Disks that are full, or cannot be written: real ones, of memory.

    disk/SCENARIO/pages=3       of so many pages of 4096 octets
    disk/SCENARIO/inodes=5      of so many files
    disk/SCENARIO/readonly=0    where nothing may be written
    disk/SCENARIO/spare=2       the queue fits, and so many pages more

The log is on that disk, too.  Afterwards there is room, and what is asked of
the program is the same as in faults.py.
"""
import os
import subprocess

from faults import judge_run, prove  # noqa: F401
from story import SCENARIOS

PAGE = 4096
SUBMIT = ('submit-one', 'submit-down', 'submit-mixed', 'queue-one',
          'queue-mixed', 'submit-mid', 'queue-mid', 'back-mixed')
FLUSH = ('flush-one', 'flush-mixed', 'flush-down', 'flush-mid')
PLENTY = 'size=64m,nr_inodes=10000'


def points(_):
    found = []
    for name in SUBMIT:
        size = len(SCENARIOS[name].story.text)
        found += [f'disk/{name}/pages={n}'
                  for n in range(1, (size + 65536) // PAGE + 1)]
        found += [f'disk/{name}/inodes={n}' for n in range(2, 14)]
    for name in FLUSH:
        found += [f'disk/{name}/spare={n}' for n in range(0, 12)]
        found += [f'disk/{name}/inodes={n}' for n in range(5, 14)]
    for name in SUBMIT + FLUSH:
        found.append(f'disk/{name}/readonly=0')
    return found


def mount(*args):
    subprocess.run(['/usr/bin/mount', *args], check=True)


def run(world, point):
    _, name, what = point.split('/')
    what, n = what.split('=')
    scenario = SCENARIOS[name]
    world.empty()
    mount('-t', 'tmpfs', '-o', PLENTY + ',mode=755', 'none', world.box)
    try:
        world.settings(log=os.path.join(world.box, 'log'))
        scenario.prepare(world, fill(world) if what == 'readonly' else None)
        squeeze(world, what, int(n))
        run = scenario.run(world, trace=[])
        mount('-o', f'remount,rw,{PLENTY}', world.box)
        return judge_run(world, scenario, run)
    finally:
        subprocess.run(['/usr/bin/umount', world.box], check=True)
        world.settings()


def fill(world):
    """A spool that somebody has used before."""
    path = os.path.join(world.folder, 'used')
    for place in ('queue', 'run/0', 'sites'):
        os.makedirs(os.path.join(path, place), 0o700, exist_ok=True)
    os.chmod(path, 0o700)
    return path


def squeeze(world, what, n):
    if what == 'readonly':
        mount('-o', 'remount,ro', world.box)
        return
    if what == 'inodes':
        limit = f'nr_inodes={n},size=64m'
    else:
        st = os.statvfs(world.box)
        used = st.f_blocks - st.f_bfree
        pages = n if what == 'pages' else used + n
        limit = f'size={max(pages, used, 1) * PAGE},nr_inodes=10000'
    subprocess.run(['/usr/bin/mount', '-o', f'remount,{limit}', world.box],
                   check=False, stderr=subprocess.DEVNULL)
