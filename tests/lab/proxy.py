"""Real proxies: microsocks (SOCKS5) and tinyproxy (HTTP CONNECT).

What comes through one has its address: session.peer == proxy.address.
"""
import os
import socket
import time

from . import procs
from .net import DNS4

# Both ask the resolver of the system, which must be the lab's.
_ENTER = '''
mount --make-rprivate / &&
mount -t tmpfs lab "$1" && mkdir "$1/up" "$1/work" &&
echo "nameserver $2" > "$1/up/resolv.conf" &&
mount -t overlay lab -o lowerdir=/etc,upperdir="$1/up",workdir="$1/work" /etc &&
shift 2 && exec "$@"
'''


class _Proxy:
    scheme = port = None

    def __init__(self, net, folder, address):
        self.net, self.folder, self.address = net, folder, address
        self.url = f'{self.scheme}://{address}:{self.port}'
        etc = os.path.join(folder, 'etc')
        os.mkdir(etc)
        self._log = open(os.path.join(folder, 'log'), 'wb')
        self.process = procs.start(
            net.argv(['unshare', '--mount', '/bin/sh', '-c', _ENTER, 'enter',
                      etc, DNS4, *self.argv()], 'internet'),
            server=True, stdout=self._log, stderr=self._log)
        self._wait()

    def _wait(self):
        end = time.monotonic() + 10
        while time.monotonic() < end and self.process.poll() is None:
            s = self.net.inside(socket.socket)
            with s:
                if s.connect_ex((self.address, self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError(f'{self.scheme} proxy did not start: {self.log()}')

    def log(self):
        with open(self._log.name, errors='replace') as f:
            return f.read()

    def close(self):
        procs.stop(self.process)
        self._log.close()


class Socks(_Proxy):
    scheme, port = 'socks5', 1080

    def argv(self):
        return ['microsocks', '-i', self.address, '-p', str(self.port),
                '-b', self.address]


class HttpConnect(_Proxy):
    scheme, port = 'http', 8888

    def argv(self):
        conf = os.path.join(self.folder, 'tinyproxy.conf')
        with open(conf, 'w') as f:
            f.write(f'Port {self.port}\nListen {self.address}\n'
                    f'Bind {self.address}\nTimeout 60\nMaxClients 50\n'
                    'LogLevel Connect\nDisableViaHeader Yes\n')
        return ['tinyproxy', '-d', '-c', conf]
