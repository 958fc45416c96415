"""What stands in a spool's files, read as postrider-queue(5) says."""
import os
import re


class Entry:
    def __init__(self, path, data):
        self.path = path
        self.sender, self.rcpts, self.states = None, [], {}
        head = data[:128].decode('latin-1').split()
        if len(head) < 8 or head[0] != 'postrider-queue':
            return
        at, n = int(head[7]), int(head[8])
        for line in data[at:at + n].decode('latin-1').splitlines():
            words = line.split(' ')
            if words[0] == 'from':
                self.sender = '' if words[1] == '%' else _text(words[1])
            elif words[0] == 'to':
                self.rcpts.append(_text(words[1]))
        for line in data[at + n:].decode('latin-1').split('\n')[:-1]:
            words = line.split(' ')
            if len(words) > 1 and words[1].isdigit():
                self.states[self.rcpts[int(words[1])]] = words[0]


def _text(field):
    return re.sub('%(..)', lambda m: chr(int(m.group(1), 16)), field)


def entries(world):
    found = []
    for name in world.files('queue', 'run', 'hold'):
        if not name.endswith('.new'):
            path = os.path.join(world.spool, name)
            with open(path, 'rb') as f:
                found.append(Entry(name, f.read()))
    return found
