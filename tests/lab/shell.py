"""An interactive lab: real servers, two scripted ones, and a prompt inside.

The shell runs in the client namespace with sendmail and mailq on PATH.
"""
import os
import subprocess

from .lab import Lab


def main():
    lab = Lab()
    try:
        lab.start_mtas()
        good = lab.server('good.test', tls=True)
        lab.server('bad.test', script={'rcpt': '550 5.1.1 no such user'})
        client = lab.client()
        print(f'''\
good.test         scripted, takes everything
bad.test          scripted, refuses every recipient
postfix.test exim.test opensmtpd.test tls.opensmtpd.test
                  real servers; Maildirs below {lab.folder}
configuration     {client.conf}
log               {client.logfile}
Use: postrider -C $CONF ..., sendmail -C $CONF ...   Leave with exit.''')
        env = dict(client.env, CONF=client.conf, PS1='lab$ ',
                   PATH=f'{client.folder}:{client.env["PATH"]}',
                   TERM=os.environ.get('TERM', 'dumb'))
        subprocess.run(lab.net.argv(['/bin/bash', '--norc']), env=env,
                       cwd=client.folder)
        for m in good.messages:
            print(f'good.test took {m} {m.data[:200]!r}')
    finally:
        lab.close()


if __name__ == '__main__':
    main()
