"""Adding up what was found, and telling it."""
import collections
import sys

BREACHES = ('lost', 'partial', 'doubled', 'crashed', 'left', 'other')


def kind_of(point):
    """What it is counted as."""
    part, name = point.split('/')[:2]
    if part != 'kill':
        return part
    return f'{part} {"flush" if name.startswith("flush") else "submit"}'


class Figures:
    def __init__(self, kinds):
        self.sums = {kind: collections.Counter() for kind in kinds}
        self.wrong = 0
        self.first = None       # a point with a breach
        self.cut_power = False

    @property
    def done(self):
        return sum(s['points'] for s in self.sums.values())

    def add(self, point, verdict):
        """Returns lines to be shown at once."""
        sums = self.sums[kind_of(point)]
        if verdict is None:
            sums['absent'] += 1
            return []
        sums['points'] += 1
        sums['again'] += bool(verdict.doubled)
        sums['held'] += verdict.held
        for kind in {k for k, _ in verdict.breaches}:
            sums[kind if kind in BREACHES else 'other'] += 1
        if verdict.breaches:
            self.wrong += 1
            self.first = self.first or point
            self.cut_power |= point.startswith('power/')
        return [f'{point}: {kind}: {text}' for kind, text in verdict.breaches]

    def show(self, o, n):
        print(f'{self.done} of {n} points, seed {o.seed}')
        print(f'{"":12} {"points":>6}' +
              ''.join(f'{b:>8}' for b in BREACHES) + '   twice   held')
        for row, s in self.sums.items():
            if s['points'] + s['absent']:
                print(f'{row:12} {s["points"]:6}' +
                      ''.join(f'{s[b]:8}' for b in BREACHES) +
                      f'{s["again"]:8}{s["held"]:7}')
        print('twice: sent again because the end came between the final dot '
              'and its record\nheld: what became of it could not be written '
              'down; left to a person')
        if self.wrong:
            print(f'{self.wrong} points with breaches. One of them again:\n'
                  f'    {sys.argv[0]} {o.program} {self.first}')


def details(results):
    """Tell of single points all that is known. Returns the exit code."""
    code = 0
    for point, verdict, trouble, log, transcript in results:
        print(f'== {point}')
        if trouble:
            print(trouble)
            code = 1
            continue
        print(transcript, end='')
        print('-- log')
        print(log, end='')
        if verdict is None:
            print('-- there was no such call: nothing is shown')
            code = 1
            continue
        for kind, text in verdict.breaches:
            print(f'-- {kind}: {text}')
            code = 1
        if not verdict.breaches:
            print('-- all is well' + (f'; twice: {verdict.doubled}' if
                                      verdict.doubled else ''))
    return code
