"""Two network namespaces and the wire between them.

The client namespace is where the tested program runs; the internet
namespace is everybody else.  No packet can leave either: there is no
route to the machine's own network.

    client   192.0.2.1, 2001:db8::1; the second addresses 192.0.2.2 and
             2001:db8::2 are used by who asks for them
    internet 192.0.2.53 (DNS), all of 198.51.100.0/24, 203.0.113.0/24
             and 2001:db8:25::/48 are its own addresses
    offline  a machine without a network: no address, no route

Sockets belong to the namespace of the thread that made them, for ever.
So a server may live in this very process: see inside().
"""
import atexit
import contextlib
import ctypes
import itertools
import os
import re
import socket
import subprocess
import threading

from . import procs

CLIENT4, CLIENT6 = '192.0.2.1', '2001:db8::1'
SECOND4, SECOND6 = '192.0.2.2', '2001:db8::2'
DNS4, DNS6 = '192.0.2.53', '2001:db8::53'
GATEWAY4, GATEWAY6 = '192.0.2.254', '2001:db8::fe'

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_serial = itertools.count(1)


def _run(*argv):
    subprocess.run([str(a) for a in argv], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def _enter(fd):
    if _libc.setns(fd, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), 'setns')


def _sweep():
    """Remove the namespaces of runs that were killed."""
    try:
        names = os.listdir('/run/netns')
    except FileNotFoundError:
        return
    for name in names:
        m = re.fullmatch(r'pr-[cio]-(\d+)-\d+', name)
        if m and not os.path.exists(f'/proc/{m.group(1)}'):
            subprocess.run(['ip', 'netns', 'del', name],
                           stderr=subprocess.DEVNULL)


class Net:
    def __init__(self):
        _sweep()
        # The pid keeps parallel runs apart, the number several in one run.
        tag = f'{os.getpid()}-{next(_serial)}'
        self.client = f'pr-c-{tag}'
        self.internet = f'pr-i-{tag}'
        self.offline = f'pr-o-{tag}'
        self._made = []
        self._lost = set()          # addresses that nobody reaches now
        atexit.register(self.close)
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self):
        for ns in (self.client, self.internet, self.offline):
            _run('ip', 'netns', 'add', ns)
            self._made.append(ns)
        _run('ip', '-n', self.client, 'link', 'add', 'wire', 'type', 'veth',
             'peer', 'name', 'wire', 'netns', self.internet)
        # A deprecated IPv6 address is not chosen unless it is asked for.
        client = f'''
            link set lo up
            addr add {CLIENT4}/24 dev wire
            addr add {SECOND4}/24 dev wire
            addr add {CLIENT6}/64 dev wire nodad
            addr add {SECOND6}/64 dev wire nodad preferred_lft 0
            link set wire up
            route add default via {GATEWAY4}
            route add default via {GATEWAY6}'''
        internet = f'''
            link set lo up
            addr add {GATEWAY4}/24 dev wire
            addr add {DNS4}/32 dev wire
            addr add {GATEWAY6}/64 dev wire nodad
            addr add {DNS6}/128 dev wire nodad
            link set wire up
            route add local 198.51.100.0/24 dev lo
            route add local 203.0.113.0/24 dev lo
            route add local 2001:db8:25::/48 dev lo'''
        _run('ip', '-n', self.offline, 'link', 'set', 'lo', 'up')
        for ns, commands in ((self.client, client), (self.internet, internet)):
            lines = '\n'.join(s.strip() for s in commands.strip().splitlines())
            subprocess.run(['ip', '-n', ns, '-b', '-'], input=lines,
                           text=True, check=True)
            # rp_filter: replies of many addresses leave by one wire.
            # nonlocal_bind: IPv6 listeners on addresses of a local route.
            # forwarding: an unreachable route is answered only by a router.
            for name in ('net/ipv4/conf/all/rp_filter=0',
                         'net/ipv4/conf/wire/rp_filter=0',
                         'net/ipv6/ip_nonlocal_bind=1',
                         'net/ipv4/conf/all/forwarding=1',
                         'net/ipv6/conf/all/forwarding=1',
                         'net/ipv4/tcp_tw_reuse=1'):
                self._sysctl(ns, name)

    def _sysctl(self, ns, setting):
        name, value = setting.split('=')
        # /proc/sys/net shows the namespace of whoever opens it.
        with self._within(ns), open(f'/proc/sys/{name}', 'w') as f:
            f.write(value)

    @contextlib.contextmanager
    def _within(self, ns):
        home = os.open('/proc/thread-self/ns/net', os.O_RDONLY)
        there = os.open(f'/run/netns/{ns}', os.O_RDONLY)
        try:
            _enter(there)
            try:
                yield
            finally:
                _enter(home)
        finally:
            os.close(home)
            os.close(there)

    def inside(self, make, where='internet'):
        """Call make() in a namespace; sockets it opens stay there."""
        with self._within(getattr(self, where)):
            return make()

    def argv(self, words, where='client'):
        """The command line that runs words inside a namespace."""
        ns = getattr(self, where)
        return ['/usr/bin/nsenter', f'--net=/run/netns/{ns}', *words]

    def swallow(self, address):
        """From now on packets to this address vanish (SYN black hole)."""
        self._lost.add(address)
        self._route('add', 'blackhole', address)

    def refuse_route(self, address):
        """From now on this address is answered 'host unreachable'."""
        self._lost.add(address)
        self._route('add', 'unreachable', address)

    def restore(self, address):
        self._lost.discard(address)
        self._route('del', 'blackhole', address, check=False)
        self._route('del', 'unreachable', address, check=False)

    def restore_all(self):
        for address in list(self._lost):
            self.restore(address)

    def _route(self, verb, kind, address, check=True):
        family = '-6' if ':' in address else '-4'
        subprocess.run(['ip', '-n', self.internet, family, 'route', verb, kind,
                        address, 'table', 'local'], check=check,
                       stderr=None if check else subprocess.DEVNULL)

    def busy(self):
        """What runs at the client, and all connections, for people."""
        lines = [procs.describe(p) + '\n' + procs.read(
            p, 'stack').decode() for p in
            procs.inside(f'/run/netns/{self.client}')]
        for ns in (self.client, self.internet):
            lines.append(subprocess.run(
                ['ip', 'netns', 'exec', ns, 'ss', '-tan', 'exclude',
                 'time-wait'], capture_output=True, text=True).stdout)
        return '\n'.join(lines)[-8000:]

    def close(self):
        for ns in self._made:
            subprocess.run(['ip', 'netns', 'del', ns],
                           stderr=subprocess.DEVNULL)
        self._made = []


def thread(target, name, *args):
    t = threading.Thread(target=target, name=name, args=args, daemon=True)
    t.start()
    return t


def close_listener(listener, server):
    """End the thread that waits at a listening socket, then close it.

    Not the other way round: its number may be another socket's at once, and
    the thread would take that one's connections.  (One that is busy with a
    client finds it closed when it comes back.)
    """
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    server.join(2)
    listener.close()
