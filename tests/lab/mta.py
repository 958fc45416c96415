"""Real mail servers as receivers: Postfix, Exim and OpenSMTPD.

scripts/lab-setup left one image (a tar file) for each.  A server runs in
the internet namespace, in mount and pid namespaces of its own: when its
first process is killed, everything it started and mounted is gone.  It
takes all mail for <name>.test into one Maildir that the test can read.
"""
import email
import email.policy
import os
import shutil
import signal
import subprocess
import time

from . import procs

IMAGES = os.environ.get('POSTRIDER_LAB', '/var/cache/postrider-lab')

# Runs as the first process of the new pid namespace.
_BOOT = '''
set -e
mount --make-rprivate /
top=$1 image=$2
mount -t tmpfs -o mode=755 lab $top/root
mkdir $top/root/up $top/root/work $top/root/all
tar -C $top/root/up --xattrs --xattrs-include='trusted.overlay.*' -xf $image
mount -t overlay lab -o \
lowerdir=/,upperdir=$top/root/up,workdir=$top/root/work,index=off,metacopy=off \
$top/root/all
cd $top/root/all
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 lab tmp
mount -t tmpfs -o mode=755 lab run
mkdir lab
mount --bind $top/lab lab
rm -f etc/resolv.conf
printf 'nameserver 192.0.2.53\\n' > etc/resolv.conf
printf '127.0.0.1 localhost\\n::1 localhost\\n' > etc/hosts
chroot . chown -R labmail: /lab/mail
chroot . /bin/sh /lab/boot
'''


class Server:
    name = None
    address = None
    files = {}
    boot = None

    def __init__(self, net, authority, folder):
        image = os.path.join(IMAGES, f'{self.name}.tar')
        if not os.path.exists(image):
            raise RuntimeError(f'{image} is missing: run scripts/lab-setup')
        self.net, self.folder = net, folder
        self.domain = f'{self.name}.test'
        self.host = f'mx.{self.name}.test'
        self.mail = os.path.join(folder, 'lab', 'mail')
        os.makedirs(os.path.join(self.mail, 'new'))
        for sub in ('cur', 'tmp'):
            os.mkdir(os.path.join(self.mail, sub))
        os.mkdir(os.path.join(folder, 'root'))
        for path in (folder, os.path.join(folder, 'lab')):
            os.chmod(path, 0o755)
        chain, key = authority.certificate(self.host, rsa=True)
        shutil.copy(chain, os.path.join(folder, 'lab', 'cert.pem'))
        shutil.copy(key, os.path.join(folder, 'lab', 'key.pem'))
        os.chmod(os.path.join(folder, 'lab', 'key.pem'), 0o600)
        words = {'host': self.host, 'domain': self.domain,
                 'address': self.address}
        for name, text in {**self.files, 'boot': self.boot}.items():
            for k, v in words.items():
                text = text.replace(f'@{k}@', v)
            with open(os.path.join(folder, 'lab', name), 'w') as f:
                f.write(text)
        self._seen = set()
        self.process = None

    def start(self):
        """Begin to start; ready() waits for the end of it."""
        self._log = open(os.path.join(self.folder, 'boot.log'), 'ab')
        image = os.path.join(IMAGES, f'{self.name}.tar')
        self.process = procs.start(self.net.argv(
            ['unshare', '--mount', '--pid', '--fork', '--kill-child',
             '/bin/sh', '-c', _BOOT, 'boot', self.folder, image], 'internet'),
            server=True, stdout=self._log, stderr=self._log)

    def ready(self, wait=30):
        end = time.monotonic() + wait
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            listening = subprocess.run(
                self.net.argv(['ss', '-Hltn', f'src {self.address}:25'],
                              'internet'), capture_output=True).stdout
            if listening:
                return self
            time.sleep(0.05)
        raise RuntimeError(f'{self.name} did not start:\n{self.logs()}')

    def logs(self):
        text = ''
        for name in ('boot.log', 'lab/log'):
            try:
                with open(os.path.join(self.folder, name),
                          errors='replace') as f:
                    text += f.read()
            except OSError:
                pass
        return text

    def stop(self):
        if self.process is not None:
            # unshare ignores SIGTERM; its child dies with it.
            procs.stop(self.process, signal.SIGKILL)
            self._log.close()
            self.process = None

    def received(self, wait=10, count=1):
        """The messages that came since the last call, as bytes, LF ends."""
        new = os.path.join(self.mail, 'new')
        end = time.monotonic() + wait
        while True:
            fresh = sorted(set(os.listdir(new)) - self._seen)
            if len(fresh) >= count or time.monotonic() > end:
                break
            time.sleep(0.02)
        self._seen.update(fresh)
        out = []
        for name in fresh:
            with open(os.path.join(new, name), 'rb') as f:
                out.append(f.read())
        return out


def parsed(raw):
    return email.message_from_bytes(raw, policy=email.policy.default)


def body_of(raw):
    return raw.split(b'\n\n', 1)[1]


class Postfix(Server):
    name = 'postfix'
    address = '198.51.100.201'
    files = {'main.cf': '''
compatibility_level = 3.6
myhostname = @host@
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
maillog_file = /dev/stdout
smtpd_relay_restrictions = reject_unauth_destination
virtual_mailbox_domains = @domain@
virtual_mailbox_base = /lab/mail
virtual_mailbox_maps = regexp:/lab/users
virtual_uid_maps = static:@uid@
virtual_gid_maps = static:@uid@
virtual_minimum_uid = 1
virtual_mailbox_limit = 0
message_size_limit = 20480000
mailbox_size_limit = 0
alias_maps =
smtpd_tls_security_level = may
smtpd_tls_cert_file = /lab/cert.pem
smtpd_tls_key_file = /lab/key.pem
smtpd_forbid_bare_newline = yes
''', 'users': '''
/^nobody@/ nobody/nowhere
if !/^(unknown|refused)/
/./ ./
endif
'''}
    boot = '''set -e
uid=$(id -u labmail)
cp /usr/share/postfix/main.cf.debian /etc/postfix/main.cf 2>/dev/null || :
cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf 2>/dev/null || :
sed "s/@uid@/$uid/" /lab/main.cf > /etc/postfix/main.cf
postconf -F '*/*/chroot = n'
# An address of a local route is no interface to Postfix: name it here.
postconf -MX smtp/inet
postconf -M @address@:25/inet='@address@:25 inet n - n - - smtpd'
exec postfix start-fg
'''


class Exim(Server):
    name = 'exim'
    address = '198.51.100.202'
    files = {'exim.conf': '''
primary_hostname = @host@
local_interfaces = @address@
disable_ipv6
keep_environment =
log_file_path = /lab/log-%s
message_size_limit = 20M
accept_8bitmime = true
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
chunking_advertise_hosts = *
pipelining_advertise_hosts = *
tls_advertise_hosts = *
tls_certificate = /lab/cert.pem
tls_privatekey = /lab/key.pem
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
begin acl
rcpt:
  deny local_parts = unknown : refused
       message = no such user
  accept domains = @domain@
  deny message = relay not permitted
begin routers
all:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = /lab/mail
  maildir_format
  user = labmail
  delivery_date_add
  envelope_to_add
  return_path_add
'''}
    boot = '''set -e
cp /lab/exim.conf /etc/exim4/exim4.conf
cp /lab/key.pem /lab/exim-key.pem
chown root:Debian-exim /lab/key.pem /etc/exim4/exim4.conf
chmod 640 /lab/key.pem /etc/exim4/exim4.conf
chmod 1777 /lab
mkdir -p /run/exim4
chown Debian-exim: /run/exim4
exec exim4 -bdf -q1h
'''


class OpenSmtpd(Server):
    """Debian 12 builds it with OpenSSL 3, which it cannot use: STARTTLS is
    offered and the handshake always fails.  tls.opensmtpd.test is a real
    server of that kind; opensmtpd.test offers no STARTTLS."""
    name = 'opensmtpd'
    address = '198.51.100.203'
    tls_address = '198.51.100.204'
    files = {'smtpd.conf': '''
pki lab cert "/lab/cert.pem"
pki lab key "/lab/key.pem"
table everybody file:/lab/everybody
smtp max-message-size 20M
listen on @address@ port 25 hostname @host@
listen on 198.51.100.204 port 25 tls pki lab hostname tls.@host@
action "keep" maildir "/lab/mail" virtual <everybody>
match from any for domain { "@domain@", "tls.@domain@" } action "keep"
''', 'everybody': '@: labmail\n'}
    boot = '''set -e
cp /lab/smtpd.conf /etc/smtpd.conf
mkdir -p /var/spool/smtpd
chmod 711 /var/spool/smtpd
exec smtpd -d > /lab/log 2>&1
'''


ALL = (Postfix, Exim, OpenSmtpd)
