"""Real mail servers: Postfix, Exim and OpenSMTPD.

scripts/lab-setup left one image (a tar file) for each.  A server runs in
the internet namespace, in mount and pid namespaces of its own: when its
first process is killed, everything it started and mounted is gone.  It
takes all mail for <name>.test into one Maildir that the test can read.

Providers take mail for everybody from those they know, on the ports 587
(STARTTLS) and 465 (TLS), into the same Maildir: Exim, and Postfix with
Dovecot as "submission".  srv.url('smtps', user), srv.password.  OpenSMTPD
relays for anybody on an address of its own.
"""
import email
import email.policy
import os
import shutil
import signal
import subprocess
import time

from . import auth, procs
from .token import TokenServer

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
    ports = (25,)
    password = auth.PASSWORD

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
        shutil.copy(authority.ca, os.path.join(folder, 'lab', 'ca.pem'))
        words = {'host': self.host, 'domain': self.domain,
                 'address': self.address, 'user': self.user,
                 'password': self.password, 'introspect': TokenServer.url}
        for name, text in {**self.files, 'boot': self.boot}.items():
            for k, v in words.items():
                text = text.replace(f'@{k}@', v)
            with open(os.path.join(folder, 'lab', name), 'w') as f:
                f.write(text)
        self._seen = set()
        self.process = None

    @property
    def user(self):
        """Whom the provider knows."""
        return f'ann@{self.domain}'

    def url(self, scheme='smtps', user=None):
        """For the smarthost setting; user '' for none."""
        user = self.user if user is None else user
        return f'{scheme}://{user}{"@" if user else ""}{self.host}'

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
            if all(self._listens(port) for port in self.ports):
                return self
            time.sleep(0.05)
        raise RuntimeError(f'{self.name} did not start:\n{self.logs()}')

    def _listens(self, port):
        return subprocess.run(
            self.net.argv(['ss', '-Hltn', f'src {self.address}:{port}'],
                          'internet'), capture_output=True).stdout

    def logs(self):
        text = ''
        for name in ('boot.log', 'lab/log', 'lab/log-main'):
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
daemon_smtp_ports = 25 : 465 : 587
tls_on_connect_ports = 465
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
tls_verify_certificates = /lab/ca.pem
tls_try_verify_hosts = ${if eq{$received_port}{25}{}{*}}
auth_advertise_hosts = ${if or{{eq{$received_port}{25}}\
                              {!def:tls_in_cipher}}{}{*}}
log_selector = +smtp_mailauth
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
begin acl
rcpt:
  deny local_parts = unknown : refused
       message = no such user
  accept domains = @domain@
  accept authenticated = *
  deny message = relay not permitted
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if eq{$auth3}{${lookup{$auth2}lsearch{/lab/users}{$value}fail}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = "Username:: : Password::"
  server_condition = ${if eq{$auth2}{${lookup{$auth1}lsearch{/lab/users}{$value}fail}}}
  server_set_id = $auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${lookup{$auth1}lsearch{/lab/users}{$value}fail}
  server_set_id = $auth1
cert:
  driver = external
  public_name = EXTERNAL
  server_advertise_condition = $tls_in_certificate_verified
  server_param2 = ${certextract{subj_altname,mail,>:}{$tls_in_peercert}}
  server_condition = ${if forany{$auth2}{eq{$item}{$auth1}}}
  server_set_id = $auth1
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
''', 'users': '@user@: @password@\n'}
    ports = (25, 465, 587)
    boot = '''set -e
cp /lab/exim.conf /etc/exim4/exim4.conf
cp /lab/key.pem /lab/exim-key.pem
chown root:Debian-exim /lab/key.pem /lab/users /etc/exim4/exim4.conf
chmod 640 /lab/key.pem /lab/users /etc/exim4/exim4.conf
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
    relay_address = '198.51.100.206'
    files = {'smtpd.conf': '''
pki lab cert "/lab/cert.pem"
pki lab key "/lab/key.pem"
table everybody file:/lab/everybody
smtp max-message-size 20M
listen on @address@ port 25 hostname @host@
listen on 198.51.100.204 port 25 tls pki lab hostname tls.@host@
listen on 198.51.100.206 port 25 tag RELAY hostname relay.@host@
action "keep" maildir "/lab/mail" virtual <everybody>
match tag RELAY from any for any action "keep"
match from any for domain { "@domain@", "tls.@domain@" } action "keep"
''', 'everybody': '@: labmail\n'}
    boot = '''set -e
cp /lab/smtpd.conf /etc/smtpd.conf
mkdir -p /var/spool/smtpd
chmod 711 /var/spool/smtpd
exec smtpd -d > /lab/log 2>&1
'''


class Submission(Server):
    """Postfix asks Dovecot who it is; and takes who shows a certificate of
    the lab's authority without asking.  No port 25."""
    name = 'submission'
    address = '198.51.100.205'
    ports = (587, 465)
    files = {'main.cf': '''
compatibility_level = 3.6
myhostname = @host@
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
maillog_file = /dev/stdout
virtual_mailbox_domains = regexp:/lab/everybody
virtual_mailbox_base = /lab/mail
virtual_mailbox_maps = regexp:/lab/everybody
virtual_uid_maps = static:@uid@
virtual_gid_maps = static:@uid@
virtual_minimum_uid = 1
virtual_mailbox_limit = 0
mailbox_size_limit = 0
alias_maps =
smtpd_tls_cert_file = /lab/cert.pem
smtpd_tls_key_file = /lab/key.pem
smtpd_tls_CAfile = /lab/ca.pem
smtpd_tls_ask_ccert = yes
smtpd_tls_received_header = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_sasl_security_options = noanonymous
smtpd_sasl_authenticated_header = yes
smtpd_relay_restrictions = permit_sasl_authenticated,
  permit_tls_all_clientcerts, reject
smtpd_recipient_restrictions = check_recipient_access regexp:/lab/refused
''', 'everybody': '/./ ./\n', 'refused': '''
/^unknown@/ 550 5.1.1 no such user
/^later@/ 451 4.3.0 mailbox busy
''', 'dovecot.conf': '''
base_dir = /run/dovecot
state_dir = /run/dovecot
protocols =
ssl = no
log_path = /lab/log
auth_verbose = yes
auth_failure_delay = 0
auth_mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256 \
  xoauth2 oauthbearer
passdb {
  driver = passwd-file
  mechanisms = plain login cram-md5 digest-md5 scram-sha-1 scram-sha-256
  args = scheme=PLAIN username_format=%u /lab/users
}
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = /lab/oauth2.conf
}
service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0660
    user = postfix
    group = postfix
  }
}
# A wrong password would delay the next ones.
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
''', 'oauth2.conf': '''
introspection_url = @introspect@
introspection_mode = post
username_attribute = username
active_attribute = active
active_value = true
''', 'users': '@user@:@password@\n'}
    boot = '''set -e
uid=$(id -u labmail)
cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf 2>/dev/null || :
sed "s/@uid@/$uid/" /lab/main.cf > /etc/postfix/main.cf
chown root:dovecot /lab/users
chmod 640 /lab/users
mkdir -p /var/spool/postfix/private
chown postfix /var/spool/postfix/private
chmod 700 /var/spool/postfix/private
dovecot -c /lab/dovecot.conf
postconf -F '*/*/chroot = n'
postconf -MX smtp/inet
postconf -M @address@:587/inet='@address@:587 inet n - n - - smtpd'
postconf -P @address@:587/inet/smtpd_tls_security_level=encrypt
postconf -M @address@:465/inet='@address@:465 inet n - n - - smtpd'
postconf -P @address@:465/inet/smtpd_tls_wrappermode=yes
exec postfix start-fg
'''


ALL = (Postfix, Exim, OpenSmtpd, Submission)
