"""Everything of the lab in one place; what a test asks for."""
import itertools
import os
import shutil
import tempfile

from . import auth, procs
from .client import Client, raise_file_limit
from .dns import Rogue, Unbound
from .mta import ALL, OpenSmtpd
from .net import Net
from .proxy import HttpConnect, Socks
from .smtpd import Smtpd
from .tls import Authority
from .token import TokenServer


class Lab:
    def __init__(self):
        procs.become_subreaper()
        procs.end_in_order()
        raise_file_limit()
        self.folder = tempfile.mkdtemp(prefix='postrider-lab-')
        os.chmod(self.folder, 0o755)
        self.net = Net()
        self.authority = Authority(self._folder('ca'))
        self.dns = Unbound(self.net, self._folder('dns'))
        self._numbers = itertools.count(1)
        self._mtas = {}
        self._open = []             # what ends with the test
        # The names of the real servers are always there.
        self.dns.add({k: v for s in ALL for k, v in {
            f'{s.name}.test': {'MX': [f'10 mx.{s.name}.test']},
            f'mx.{s.name}.test': {'A': [s.address]}}.items()})
        self.dns.add({
            'tls.opensmtpd.test': {'MX': ['10 tls.mx.opensmtpd.test']},
            'tls.mx.opensmtpd.test': {'A': [OpenSmtpd.tls_address]},
            'relay.mx.opensmtpd.test': {'A': [OpenSmtpd.relay_address]}})

    def _folder(self, name):
        path = os.path.join(self.folder, name)
        os.makedirs(path)
        return path

    # -- for a test -------------------------------------------------------

    def address(self, family=4):
        """An address of the internet that nobody uses."""
        n = next(self._numbers)
        if family == 6:
            return f'2001:db8:25::{n + 0x1000:x}'
        # 198.51.100.201 and up belong to the real servers.
        net, host = divmod(n - 1, 199)
        if net > 1:
            self._numbers = itertools.count(2)
            net, host = 0, 0
        return f'{("198.51.100", "203.0.113")[net]}.{host + 1}'

    def name(self, word='d'):
        """A domain nobody uses."""
        self._serial = getattr(self, '_serial', 0) + 1
        return f'{word}{self._serial}.test'

    def smtpd(self, addresses=None, **kw):
        """A scripted server without any name."""
        srv = Smtpd(self.net, addresses or self.address(), **kw)
        self._open.append(srv)
        return srv

    def server(self, domain=None, tls=False, family=4, **kw):
        """A scripted server that is the MX of a domain: srv.domain."""
        domain = domain or self.name()
        host = f'mx.{domain}'
        if tls is True:
            tls = self.authority.context(host)
        srv = self.smtpd(self.address(family), tls=tls or None, name=host,
                         **kw)
        srv.domain, srv.host = domain, host
        self.dns.add({domain: {'MX': [f'10 {host}']},
                      host: {'AAAA' if family == 6 else 'A': srv.addresses}})
        return srv

    def servers_for(self, domain, *scripts, **kw):
        """Several MX hosts of one domain, best first."""
        out, records = [], {domain: {'MX': []}}
        for i, script in enumerate(scripts, 1):
            host = f'mx{i}.{domain}'
            srv = self.smtpd(name=host, script=script, **kw)
            srv.domain, srv.host = domain, host
            records[domain]['MX'].append(f'{i * 10} {host}')
            records[host] = {'A': srv.addresses}
            out.append(srv)
        self.dns.add(records)
        return out

    def smarthost(self, scheme='smtps', host=None, family=4, tls=None,
                  user='ann', name=None, **kw):
        """A scripted provider: srv.url, srv.user, srv.password.

        scheme   smtps, smtp or smtp+plain; user '': no AUTH.
        name     the host in the URL, where it is not the server's own;
                 '' for its address, and a certificate for that.
        It knows the user by password and by token, and takes PLAIN.
        """
        clear = scheme == 'smtp+plain'
        user = '' if clear else user
        # One certificate for all that have no name of their own: to make one
        # takes longer than most tests.
        common = host is None
        host = host or f'{self.name("smtp")[:-5]}.provider.test'
        kw.setdefault('port', {'smtps': 465, 'smtp': 587}.get(scheme, 25))
        kw.setdefault('implicit', scheme == 'smtps')
        if user:
            kw.setdefault('auth', 'PLAIN LOGIN')
            kw.setdefault('users', {user: auth.PASSWORD})
            kw.setdefault('tokens', {user: auth.TOKEN})
        address = self.address(family)
        if tls is None and not clear:
            tls = self.authority.context(
                address if name == '' else
                '*.provider.test' if common else host, ask=True)
        srv = self.smtpd(address, tls=tls or None, name=host, **kw)
        self.dns.add({host: {'AAAA' if family == 6 else 'A': [address]}})
        where = host if name is None else name or (
            f'[{address}]' if family == 6 else address)
        srv.host, srv.user, srv.password = host, user, auth.PASSWORD
        srv.token = auth.TOKEN
        srv.url = f'{scheme}://{user}{"@" if user else ""}{where}'
        return srv

    def socks(self):
        """A SOCKS5 proxy in the internet: proxy.url."""
        return self._proxy(Socks)

    def http_proxy(self):
        return self._proxy(HttpConnect)

    def _proxy(self, kind):
        p = kind(self.net, self._folder(self.name('proxy')), self.address())
        self._open.append(p)
        return p

    def tokens(self):
        """What Dovecot asks about tokens, and who gives them out."""
        t = TokenServer(self.net, self.authority)
        self.dns.add({TokenServer.host: {'A': [TokenServer.address]}})
        self._open.append(t)
        return t

    def rogue(self, data=None, rules=None, address=None, **kw):
        r = Rogue(self.net, address or self.address(), data, rules, **kw)
        self._open.append(r)
        return r

    def client(self, **settings):
        c = Client(self, tempfile.mkdtemp(dir=self.folder, prefix='c'))
        if settings:
            c.write_conf(**settings)
        return c

    def end_test(self):
        """Close what the test opened; the complaints of strict servers."""
        complaints = []
        for thing in self._open:
            if isinstance(thing, Smtpd):
                thing.stop()
                if not thing.tolerant and thing.violations:
                    complaints += thing.violations
                    complaints.append(thing.transcript()[:5000])
            else:
                thing.close()
        self._open = []
        self.net.restore_all()
        return complaints

    # -- for the whole run ------------------------------------------------

    def mta(self, name):
        return self._mtas[name].ready()

    def start_mtas(self):
        for kind in ALL:
            server = kind(self.net, self.authority, self._folder(kind.name))
            server.start()
            self._mtas[kind.name] = server

    def close(self):
        self.end_test()
        for server in self._mtas.values():
            server.stop()
        self.dns.close()
        procs.stop_all()
        self.net.close()
        shutil.rmtree(self.folder, ignore_errors=True)
