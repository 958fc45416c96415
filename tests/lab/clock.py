"""A clock that is wrong: clock.c, compiled once, in front of the program.

    client.submit(rcpt, env=shifted(10 * YEAR))
    client.flush(env=shifted(-DAY, after=1))    # it jumps after a second
"""
import os
import subprocess

DAY = 86400
YEAR = 365 * DAY

_library = None


def build(folder):
    global _library
    _library = os.path.join(folder, 'clock.so')
    source = os.path.join(os.path.dirname(__file__), 'clock.c')
    subprocess.run(['cc', '-shared', '-fPIC', '-O1', '-o', _library, source,
                    '-ldl'], check=True)


def shifted(offset, after=0):
    """What to add to the environment."""
    env = {'LD_PRELOAD': _library, 'LAB_CLOCK': f'{offset} {after}'}
    # Sanitizers want to be in front of everything.
    if 'ASAN_OPTIONS' in os.environ:
        env['ASAN_OPTIONS'] = os.environ['ASAN_OPTIONS'] + \
            ':verify_asan_link_order=0'
    return env
