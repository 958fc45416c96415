"""A disk that loses power.

The record (see record.c) is a list of operations on files and directories.
A cut is a number of operations: what came before it has happened, what comes
behind has not.  A state is what may be found on the disk after the cut.  The
model allows more than any one file system does:

  - What was synced is there: of a file that was synced, every write, its
    length and its time up to then; of a directory that was synced, every name
    that was made, renamed or removed in it up to then.  Nothing else is
    promised: syncing a file says nothing about its name, syncing a directory
    nothing about what is in its files or about its own name.
  - Each change of a directory (creat, mkdir, unlink, rename) that was not
    synced has happened or not, whatever became of the others and of any data,
    in any order, within a directory and across directories; except that a
    change follows from those before it of the same name: who renames A.new to
    A has made A.new.
  - A rename is one change, even between two directories: both names are as
    before, or both are as after it; so it is on disk as soon as either of the
    two is synced behind it.  (All file systems with a journal do so, and so
    do those that copy on write.)
  - A directory whose own name was lost takes all that is in it along, synced
    or not.
  - Of a file that was not synced, each sector of 512 octets has what was in it
    at some moment since: before or behind any of the writes to it, whatever
    the other sectors have.  NULs, where nothing had been.  (Two writes to one
    sector cannot change places, because they are made in memory.)
  - A file that was not synced has any of the lengths that it had since, or
    ends at any sector between; what is inside its length and was not written
    is NULs.  So a file may be there in its full length with nothing in it, or
    be empty.
  - Its time is any that it had since.

It does not allow what no program could survive: synced data that is gone,
sectors that are half written, octets that nobody wrote (a disk's old ones).

    disk = Disk(record, tree)
    disk.state(cut, how, dice).write(folder)
"""
import hashlib
import os

SECTOR = 512
# What the caller has seen, when the cut comes behind it.
EXIT = 'exit'


class Op:
    """One operation. Directories and files have numbers of the model's own,
    for a file system uses an inode's number again."""

    def __init__(self, when, what):
        self.when, self.what = when, what
        self.file = None        # of write, truncate, utime; of creat, mkdir
        self.names = ()         # (directory, name): what it changes
        self.dirs = ()
        self.at = self.data = self.number = None
        self.needs = []         # changes of the same names before
        self.synced = None      # index of the operation that synced it

    @property
    def is_change(self):
        return bool(self.names)


class File:
    def __init__(self, is_dir, data=b'', mtime=0):
        self.is_dir, self.data, self.mtime = is_dir, data, mtime


# Which of the changes of directories have happened, and what of the files'
# contents. What is not said is up to the dice.
HOWS = {
    'all': ('all', 'all'),              # as after a kill
    'none': ('none', 'none'),           # only what was synced
    'empty': ('all', 'none'),           # names, and nothing in the files
    'zeros': ('all', 'zeros'),          # names and lengths, and NULs
    'torn': ('all', 'torn'),            # some of the sectors
    'short': ('all', 'short'),          # the files end somewhere
    'data': ('none', 'all'),            # everything but names
    'newest': ('newest', None),         # of the changes, only the last
    'but-one': ('but-one', None),       # all changes but one
    'dice': ('dice', None),             # any of them
}
SHAPES = ('all', 'none', 'zeros', 'torn', 'torn', 'short')


class Disk:
    def __init__(self, record, tree, no_sync=False):
        """record: the path of one; tree: what is on the disk before."""
        self.files, self.names = list(tree.files), tree.names
        self.known = dict(tree.inodes)  # inode number -> ours
        self.no_sync = no_sync          # see power.py, prove()
        self.ops = []
        self._read(record)
        self._link()

    # -- reading -----------------------------------------------------------

    def _read(self, path):
        with open(path, 'rb') as f:
            for line in iter(f.readline, b''):
                words = line.decode('latin-1').split()
                data = f.read(int(words[4])) if words[1] == 'write' else None
                op = self._op(float(words[0]), words[1], words[2:], data)
                if op is not None:
                    self.ops.append(op)

    def _op(self, when, what, args, data):
        if what == 'unknown':
            raise RuntimeError(f'the model has no system call {args[0]}')
        op = Op(when, what)
        if what == EXIT:
            op.number = int(args[0])
            return op
        if what in ('creat', 'mkdir', 'unlink', 'rename'):
            return self._change(op, args)
        op.file = self.known.get(int(args[0]))
        if op.file is None:
            return None
        if what == 'write':
            op.at, op.data = int(args[1]), data
        elif what in ('truncate', 'utime'):
            op.number = int(args[1])
        return op

    def _change(self, op, args):
        places = [(self.known.get(int(d)), name)
                  for d, name in zip(args[0:4:2], args[1:4:2])]
        if op.what in ('creat', 'mkdir'):
            places = places[:1]
        if None in [d for d, _ in places]:
            if any(d is not None for d, _ in places):
                raise RuntimeError('a rename into or out of the spool')
            return None
        op.names = tuple(places)
        op.dirs = tuple(d for d, _ in places)
        if op.what in ('creat', 'mkdir'):
            op.file = len(self.files)
            self.files.append(File(op.what == 'mkdir'))
            self.known[int(args[2])] = op.file
        return op

    # -- what depends on what ----------------------------------------------

    def _link(self):
        last = {}
        for i, op in enumerate(self.ops):
            if op.is_change:
                op.needs = [last[n] for n in op.names if n in last]
                for n in op.names:
                    last[n] = i
            elif op.what == 'fsync' and not self.no_sync:
                self._sync(i, op.file)

    def _sync(self, i, file):
        for k in range(i):
            op = self.ops[k]
            if op.synced is not None or op.what in (EXIT, 'fsync'):
                continue
            if file in op.dirs if op.is_change else op.file == file:
                self._settle(k, i)

    def _settle(self, k, i):
        op = self.ops[k]
        if op.synced is None:
            op.synced = i
            for need in op.needs:
                self._settle(need, i)

    # -- states ------------------------------------------------------------

    def loose(self, cut):
        """The operations before the cut that need not have happened."""
        return [i for i in range(cut) if self.ops[i].what not in
                (EXIT, 'fsync') and (self.ops[i].synced is None or
                                     self.ops[i].synced >= cut)]

    def exit_code(self, cut):
        """What the caller may have seen by then; None: nothing."""
        for op in self.ops[:cut]:
            if op.what == EXIT:
                return op.number
        return None

    def when(self, cut):
        return self.ops[cut - 1].when if cut > 0 else 0.0

    def state(self, cut, how, dice):
        """One state; how is a word of HOWS."""
        which, shape = HOWS[how]
        loose = set(self.loose(cut))
        changes = [i for i in sorted(loose) if self.ops[i].is_change]
        dropped = set(changes) - self._kept(changes, which, dice)
        names = Names(self.names)
        for i in range(cut):
            if self.ops[i].is_change and i not in dropped:
                names.apply(self.ops[i])
        files = {}
        for n in sorted(names.reachable()):
            if not self.files[n].is_dir:
                files[n] = self._content(n, cut, loose,
                                         shape or dice.choice(SHAPES), dice)
        return State(names, files)

    def _kept(self, changes, which, dice):
        """Those changes that have happened, with all that they need."""
        if which == 'newest':
            return self._needed(set(changes[-1:]), set(changes))
        spared = dice.choice(changes) if changes else None
        chance = {'all': 1, 'none': 0, 'but-one': 1}.get(
            which, dice.choice((0.2, 0.5, 0.8)))
        kept = set()
        for i in changes:
            if dice.random() < chance and \
                    not (which == 'but-one' and i == spared) and \
                    all(n in kept or n not in changes
                        for n in self.ops[i].needs):
                kept.add(i)
        return kept

    def _needed(self, wanted, loose):
        todo = list(wanted)
        while todo:
            for need in self.ops[todo.pop()].needs:
                if need in loose and need not in wanted:
                    wanted.add(need)
                    todo.append(need)
        return wanted

    def _content(self, number, cut, loose, shape, dice):
        """The octets and the time of one file. What is loose comes last,
        because a sync is of all that was before it."""
        data = bytearray(self.files[number].data)
        lengths, times = [len(data)], [self.files[number].mtime]
        sectors = {}                    # what was there since the last sync
        for i in range(cut):
            op = self.ops[i]
            if op.file != number or op.what not in ('write', 'truncate',
                                                    'utime'):
                continue
            if op.what == 'utime':
                times = times + [op.number] if i in loose else [op.number]
            elif i in loose:
                lengths.append(change(data, op, sectors))
            else:
                lengths = [change(data, op, None)]
        for n, versions in sectors.items():
            if shape not in ('all', 'short'):
                put(data, n * SECTOR, versions[0] if shape in
                    ('none', 'zeros') else dice.choice(versions))
        resize(data, self._length(lengths, shape, dice))
        return bytes(data), times[-1] if shape == 'all' else dice.choice(times)

    @staticmethod
    def _length(lengths, shape, dice):
        if shape == 'none':
            return lengths[0]
        if shape != 'short' and (shape != 'torn' or dice.random() < 0.5):
            return lengths[-1]
        n = dice.randrange(min(lengths), max(lengths) + 1)
        return dice.choice([max(n - n % SECTOR, min(lengths)), *lengths])


def change(data, op, sectors):
    """Do a write or truncate; the new length. sectors collects what was in
    each that it touches, before and after."""
    if op.what == 'truncate':
        start, end = min(op.number, len(data)), len(data)
        new = bytes(end - start)
        size = op.number
    else:
        start, end, new = op.at, op.at + len(op.data), op.data
        size = max(len(data), end)
    touched = range(start // SECTOR, -(-end // SECTOR)) if sectors is not \
        None else ()
    for n in touched:
        sectors.setdefault(n, [sector(data, n)])
    put(data, start, new)
    for n in touched:
        sectors[n].append(sector(data, n))
    if sectors is None:
        resize(data, size)
    return size


def sector(data, n):
    piece = bytes(data[n * SECTOR:(n + 1) * SECTOR])
    return piece + bytes(SECTOR - len(piece))


def put(data, at, piece):
    if at + len(piece) > len(data):
        resize(data, at + len(piece))
    data[at:at + len(piece)] = piece


def resize(data, n):
    if n < len(data):
        del data[n:]
    else:
        data.extend(bytes(n - len(data)))


class Names:
    """What the directories hold: {directory: {name: file}}."""

    def __init__(self, names):
        self.dirs = {d: dict(n) for d, n in names.items()}

    def apply(self, op):
        d, name = op.names[0]
        here = self.dirs.setdefault(d, {})
        if op.what in ('creat', 'mkdir'):
            here[name] = op.file
        elif op.what == 'unlink':
            here.pop(name, None)
        elif name in here:
            to, new = op.names[1]
            self.dirs.setdefault(to, {})[new] = here.pop(name)

    def walk(self, d=0, path=''):
        """(path, number) of all that can be reached."""
        for name, file in sorted(self.dirs.get(d, {}).items()):
            yield os.path.join(path, name), file
            yield from self.walk(file, os.path.join(path, name))

    def reachable(self):
        return {file for _, file in self.walk()}


class State:
    def __init__(self, names, files):
        self.paths = list(names.walk())
        self.files = files      # number -> (octets, time)

    def sum(self):
        h = hashlib.sha256()
        for path, file in self.paths:
            h.update(path.encode() + b'\0')
            if file in self.files:
                data, mtime = self.files[file]
                h.update(b'%d %d\0' % (len(data), mtime) + data)
        return h.hexdigest()

    def write(self, folder):
        for path, file in self.paths:
            full = os.path.join(folder, path)
            if file not in self.files:
                os.mkdir(full, 0o700)
                continue
            data, mtime = self.files[file]
            with open(os.open(full, os.O_CREAT | os.O_EXCL | os.O_WRONLY,
                              0o600), 'wb') as f:
                f.write(data)
            if mtime:
                os.utime(full, (mtime, mtime))


class Tree:
    """What is on the disk before, all of it safe. 0 is the root."""

    def __init__(self, root):
        self.files, self.names = [File(True)], {0: {}}
        self.inodes = {os.stat(root).st_ino: 0}
        self._scan(root, 0)

    def _scan(self, path, number):
        for e in sorted(os.scandir(path), key=lambda e: e.name):
            st = e.stat(follow_symlinks=False)
            file = File(e.is_dir())
            if not file.is_dir:
                with open(e.path, 'rb') as f:
                    file.data = f.read()
                file.mtime = int(st.st_mtime)
            self.files.append(file)
            self.names[number][e.name] = len(self.files) - 1
            self.inodes[st.st_ino] = len(self.files) - 1
            if file.is_dir:
                self.names[len(self.files) - 1] = {}
                self._scan(e.path, len(self.files) - 1)
