"""DNS for the lab: a real resolver, and one that misbehaves on order.

Unbound answers from a root zone made of plain dictionaries:

    dns.add({'one.test': {'MX': ['10 mx.one.test'], 'A': ['198.51.100.1']}})

Names and targets are absolute.  It does everything a resolver does with
them (follows CNAMEs, finds loops), caches nothing, and asks nobody else.

Rogue is a server in this process that keeps no rule it is told to break.
"""
import os
import select
import socket
import struct
import subprocess
import threading
import time

from . import procs
from .net import DNS4, close_listener, thread

_CONF = '''
server:
  username: ""
  chroot: ""
  directory: "{dir}"
  pidfile: ""
  logfile: "{dir}/unbound.log"
  use-syslog: no
  interface: {address}
  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  num-threads: 1
  module-config: "iterator"
  local-zone: "test." nodefault
  do-not-query-localhost: no
  cache-max-ttl: 0
  cache-max-negative-ttl: 0
  infra-host-ttl: 1
auth-zone:
  name: "."
  zonefile: "{dir}/root.zone"
  for-downstream: no
  for-upstream: yes
  fallback-enabled: no
remote-control:
  control-enable: yes
  control-use-cert: no
  control-interface: "{dir}/control"
'''


class Unbound:
    def __init__(self, net, folder, address=DNS4):
        self.folder = folder
        self.records = {}
        self.address = address
        self._write()
        conf = os.path.join(folder, 'unbound.conf')
        with open(conf, 'w') as f:
            f.write(_CONF.format(dir=folder, address=address))
        self._control = os.path.join(folder, 'control')
        self.process = procs.start(
            net.argv(['unbound', '-d', '-c', conf], 'internet'), server=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(500):
            if os.path.exists(self._control):
                try:
                    return self._tell('status') and None
                except OSError:
                    pass
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise RuntimeError('unbound did not start: ' + self.log())

    def log(self):
        try:
            with open(os.path.join(self.folder, 'unbound.log')) as f:
                return f.read()
        except OSError:
            return '(no log)'

    def _write(self):
        lines = ['. 60 IN SOA ns.lab.test. root.lab.test. 1 60 60 600 60',
                 '. 60 IN NS ns.lab.test.', 'ns.lab.test. 60 IN A ' + DNS4]
        for name, sets in self.records.items():
            for kind, values in sets.items():
                for value in values:
                    if kind in ('MX', 'CNAME', 'NS', 'SRV') and \
                            value[-1:] != '.':
                        value += '.'
                    lines.append(f'{name}. 60 IN {kind} {value}')
        path = os.path.join(self.folder, 'root.zone')
        with open(path + '.new', 'w') as f:
            f.write('\n'.join(lines) + '\n')
        os.rename(path + '.new', path)

    def _tell(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self._control)
            s.sendall(f'UBCT1 {command}\n'.encode())
            answer = b''
            while chunk := s.recv(4096):
                answer += chunk
        return answer.decode()

    def add(self, records):
        """Add these names (replacing what each had) and serve them."""
        self.records.update(records)
        self._write()
        answer = self._tell('auth_zone_reload .')
        if answer.strip() != 'ok':
            raise RuntimeError(f'zone refused: {answer} {self.log()}')
        # Even a TTL of 0 lives to the end of its second.
        self._tell('flush_zone .')

    def remove(self, *names):
        for name in names:
            self.records.pop(name, None)
        self.add({})

    def close(self):
        procs.stop(self.process)


# -- the rogue ----------------------------------------------------------------

TYPES = {'A': 1, 'NS': 2, 'CNAME': 5, 'SOA': 6, 'MX': 15, 'TXT': 16,
         'AAAA': 28, 'SRV': 33, 'TLSA': 52}
_TYPE_NAMES = {v: k for k, v in TYPES.items()}

NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)


def encode_name(name):
    out = b''
    for label in name.rstrip('.').split('.'):
        if label:
            raw = label.encode('latin-1')
            out += bytes([len(raw)]) + raw
    return out + b'\0'


def encode_rdata(kind, value):
    if kind == 'A':
        return socket.inet_aton(value)
    if kind == 'AAAA':
        return socket.inet_pton(socket.AF_INET6, value)
    if kind == 'MX':
        preference, target = value.split(' ', 1)
        return struct.pack('!H', int(preference)) + encode_name(target)
    if kind == 'SRV':
        *numbers, target = value.split(' ')
        return struct.pack('!HHH', *map(int, numbers)) + encode_name(target)
    if kind in ('CNAME', 'NS'):
        return encode_name(value)
    if kind == 'TXT':
        raw = value.encode()
        return b''.join(bytes([len(raw[i:i + 255])]) + raw[i:i + 255]
                        for i in range(0, len(raw) or 1, 255))
    raise ValueError(kind)


def record(name, kind, value, rdata=None, rdlength=None, owner=None):
    """One resource record; the odd arguments make odd ones."""
    if rdata is None:
        rdata = encode_rdata(kind, value)
    head = encode_name(name) if owner is None else owner
    return (head + struct.pack('!HHIH', TYPES[kind], 1, 60,
                               len(rdata) if rdlength is None else rdlength) +
            rdata)


class Question:
    def __init__(self, packet, tcp):
        self.packet, self.tcp = packet, tcp
        self.id = struct.unpack('!H', packet[:2])[0]
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode('latin-1'))
            at += 1 + packet[at]
        self.name = '.'.join(labels).lower()
        self.kind = _TYPE_NAMES.get(
            struct.unpack('!H', packet[at + 1:at + 3])[0], '?')
        self.raw = packet[12:at + 5]

    def reply(self, answers=(), rcode=NOERROR, id=None, question=None,
              flags=0x8180, count=None):
        """An answer packet; every field may be falsified."""
        return struct.pack('!HHHHHH', self.id if id is None else id,
                           flags | rcode, 1,
                           len(answers) if count is None else count, 0, 0) + \
            (self.raw if question is None else question) + b''.join(answers)


def query(net, server, name, kind, tcp=False, wait=2):
    """Ask one question from the client namespace: (rcode, answer packet)."""
    packet = struct.pack('!HHHHHH', 0x1234, 0x0100, 1, 0, 0, 0) + \
        encode_name(name) + struct.pack('!HH', TYPES[kind], 1)
    family = socket.AF_INET6 if ':' in server else socket.AF_INET
    with net.inside(lambda: socket.socket(
            family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM),
            'client') as s:
        s.settimeout(wait)
        s.connect((server, 53))
        if tcp:
            s.sendall(struct.pack('!H', len(packet)) + packet)
            size = struct.unpack('!H', s.recv(2, socket.MSG_WAITALL))[0]
            answer = s.recv(size, socket.MSG_WAITALL)
        else:
            s.send(packet)
            answer = s.recv(65535)
    return answer[3] & 15, answer


# Behaviours: each takes (rogue, question) and returns a packet, a list of
# packets, or None for silence.

def silence(rogue, q):
    return None


def rcode(code):
    return lambda rogue, q: q.reply(rcode=code)


servfail, refused, nxdomain = rcode(SERVFAIL), rcode(REFUSED), rcode(NXDOMAIN)


def truncated(rogue, q):
    """Over UDP only a TC bit; the whole truth over TCP."""
    return rogue.truth(q) if q.tcp else q.reply(flags=0x8380)


def truncated_for_ever(rogue, q):
    return q.reply(flags=0x8380)


def wrong_id_first(rogue, q):
    """A forged answer with another id, then the right one."""
    forged = q.reply([record(q.name, 'A', '203.0.113.250')]
                     if q.kind == 'A' else [], id=q.id ^ 0x5555)
    return [forged, rogue.truth(q)]


def wrong_name_first(rogue, q):
    """The right id, but for a name nobody asked for."""
    other = encode_name('evil.test') + q.raw[-4:]
    return [q.reply([record('evil.test', 'A', '203.0.113.250')],
                    question=other), rogue.truth(q)]


def pointer_loop(rogue, q):
    """The owner name is a compression pointer to itself."""
    here = 12 + len(q.raw)
    return q.reply([record('', 'MX' if q.kind == 'MX' else 'A', None,
                           rdata=b'\0\1\xc0\x0c', owner=struct.pack(
                               '!H', 0xc000 | here))])


def pointer_outside(rogue, q):
    return q.reply([record('', 'MX', None, rdata=b'\0\1\xff\xff',
                           owner=b'\xff\xfe')])


def rdlength_lies(rogue, q):
    return q.reply([record(q.name, q.kind, None, rdata=b'\0\1\1x\0',
                           rdlength=60000)])


def long_label(rogue, q):
    return q.reply([record(q.name, 'MX', None,
                           rdata=b'\0\1\x80' + b'a' * 128 + b'\0')])


def cut_short(rogue, q):
    return rogue.truth(q)[:-3]


def count_lies(rogue, q):
    return q.reply([], count=65535)


def rubbish(rogue, q):
    return q.packet[:2] + b'\xff' * 30


def no_aaaa(rogue, q):
    """AAAA questions hang, everything else is quick."""
    return None if q.kind == 'AAAA' else rogue.truth(q)


def mx_only_fails(rogue, q):
    return servfail(rogue, q) if q.kind == 'MX' else rogue.truth(q)


class Rogue:
    """rules maps (name, type), name or '*' to a behaviour; data as Unbound."""

    def __init__(self, net, address, data=None, rules=None, tcp=True):
        self.address, self.data = address, dict(data or {})
        self.rules, self.asked = dict(rules or {}), []
        self._udp = net.inside(lambda: self._open(socket.SOCK_DGRAM))
        self._tcp = net.inside(lambda: self._open(socket.SOCK_STREAM)) \
            if tcp else None
        self._alive = True
        # A closed datagram socket wakes nobody, so look up now and then.
        self._udp.settimeout(0.1)
        self._udp_thread = thread(self._serve_udp, 'rogue dns')
        self._tcp_thread = thread(self._serve_tcp, 'rogue dns tcp') \
            if tcp else None

    def _open(self, kind):
        family = socket.AF_INET6 if ':' in self.address else socket.AF_INET
        s = socket.socket(family, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((self.address, 53))
        if kind == socket.SOCK_STREAM:
            s.listen(16)
        return s

    def truth(self, q):
        """What the data says, CNAMEs followed."""
        answers, name = [], q.name
        for _ in range(30):
            sets = self.data.get(name)
            if sets is None:
                code = NXDOMAIN if not answers else NOERROR
                return q.reply(answers, rcode=code)
            if 'CNAME' in sets and q.kind != 'CNAME':
                answers.append(record(name, 'CNAME', sets['CNAME'][0]))
                name = sets['CNAME'][0].lower().rstrip('.')
                continue
            answers += [record(name, q.kind, v) for v in sets.get(q.kind, [])]
            break
        packet = q.reply(answers)
        # Room for 512 bytes only: we do not look at EDNS.
        if len(packet) > 512 and not q.tcp:
            return q.reply(flags=0x8380)
        return packet

    def _answer(self, packet, tcp):
        q = Question(packet, tcp)
        self.asked.append((q.name, q.kind, 'tcp' if tcp else 'udp'))
        rule = self.rules.get((q.name, q.kind)) or self.rules.get(q.name) or \
            self.rules.get('*') or (lambda rogue, q: rogue.truth(q))
        packets = rule(self, q)
        if packets is None:
            return []
        return packets if isinstance(packets, list) else [packets]

    def _serve_udp(self):
        while self._alive:
            try:
                packet, peer = self._udp.recvfrom(65535)
                for p in self._answer(packet, False):
                    self._udp.sendto(p, peer)
            except (OSError, IndexError):
                if not self._alive:
                    return

    def _serve_tcp(self):
        while self._alive:
            try:
                s, _ = self._tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._talk_tcp, args=(s,),
                             daemon=True).start()

    def _talk_tcp(self, s):
        with s:
            s.settimeout(30)
            try:
                while True:
                    size = self._exactly(s, 2)
                    packet = self._exactly(s, struct.unpack('!H', size)[0])
                    answers = self._answer(packet, True)
                    for p in answers:
                        s.sendall(struct.pack('!H', len(p)) + p)
                    if not answers:
                        select.select([s], [], [], 30)
            except (OSError, EOFError):
                pass

    @staticmethod
    def _exactly(s, n):
        data = b''
        while len(data) < n:
            chunk = s.recv(n - len(data))
            if not chunk:
                raise EOFError
            data += chunk
        return data

    def close(self):
        self._alive = False
        self._udp_thread.join()
        self._udp.close()
        if self._tcp is not None:
            close_listener(self._tcp, self._tcp_thread)
