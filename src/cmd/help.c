#include "config.h"

#include <string.h>

#include "base/buf.h"
#include "cmd/options.h"
#include "cmd/settings.h"

static const char usage_text[] =
"Usage: postrider [OPTION]... [RECIPIENT]...      send a message from stdin\n"
"       postrider --send FILE...                 send message files, mailboxes\n"
"       postrider --flush [--now]                work off the queue\n"
"       postrider --queue                        list the queue\n"
"       postrider --show|--hold|--release|--delete|--requeue|--return SELECTOR...\n"
"       postrider --explain ADDRESS...           what would be done, and why\n"
"       postrider --import-config [FILE...]      settings of msmtp, Postfix, ...\n"
"Also under the names sendmail, mailq, newaliases, runq.\n"
"\n"
"Sending (sendmail's options; see postrider(1) for all of them):\n"
"  -t              recipients from To, Cc and Bcc, besides those given\n"
"  -i, -oi         a line with a single dot does not end the message\n"
"  -f ADDRESS      envelope sender; <> for none (default: setting from)\n"
"  -F NAME         name for a From field that has to be added\n"
"  -odi -odb -odq  deliver now (default), in the background, only queue\n"
"  -oep -oem -oee -oeq  when all are refused: print it, mail it back,\n"
"                  mail it and return 0, only return the code\n"
"  -N never|success,failure,delay   which reports are wanted (DSN)\n"
"  -R full|hdrs    what a report holds; -V ENVID its identification\n"
"  -v              show the dialogue with each server\n"
"  -X FILE         append the dialogue to a file\n"
"  -C FILE         settings from this file only\n"
"  -L TAG          name in the log\n"
"  -bv             show where mail to the recipients would go\n"
"      --account NAME  send through this account of the settings\n"
"      --to LIST   recipients for --send, instead of the headers'\n"
"      --wait TIME wait this long for deliveries (setting wait)\n"
"      --expire TIME   give up after this (setting lifetime), as 10m\n"
"      --strict    return an error when any recipient was refused\n"
"      --json      print one JSON object for each recipient\n"
"\n"
"The queue:\n"
"  -q, --flush     attempt what is due, once, in the foreground\n"
"  -qf, --flush --now   attempt everything\n"
"  --flush SELECTOR...  attempt these at once\n"
"  -qI -qR -qS TEXT     these have TEXT in id, recipient, sender\n"
"  -bp, --queue    list it; with --json one object for each message,\n"
"                  with -v when each is tried next\n"
"  -bP             print how many messages are in it\n"
"      --show      envelope, attempts and message\n"
"      --hold, --release   keep from being tried, let go again\n"
"      --delete    remove; nobody is told\n"
"      --requeue   due at once, attempts forgotten\n"
"      --return    give up now; the sender gets a report\n"
"Selectors: ID, ADDRESS, DOMAIN, from:PATTERN, to:PATTERN, domain:PATTERN,\n"
"  site:HOST, older:2h, newer:2h, status:deferred|held|hold|active|damaged,\n"
"  all; of a kind one has to fit, and of each kind\n"
"\n"
"Settings (postrider.conf(5)):\n"
"      --check-config   read them, print what is in effect, warn\n"
"      --explain ADDRESS...   rule, way, servers, account; with --json\n"
"      --import-config [FILE...]   print those of another program\n"
"      --format=msmtp|dma|nullmailer|ssmtp|postfix   which program's\n"
"      --passwords DIR  keep the passwords found there, a file each\n"
"      --help[=settings], --version\n"
"\n"
"Exit status: 0 every recipient's mail was accepted, or is safe in the queue;\n"
"64 usage, 65 data, 66 input, 67 no such user, 68 no such host, 69 refused,\n"
"73 cannot create a file, 74 cannot read or print, 75 not kept, try again,\n"
"78 settings: nothing was sent and nothing is kept.\n"
"Of what is done with the queue: 0 done, 69 nothing matches, or nothing that it\n"
"can be done to, 74 done but not printed, 75 busy, try again, 77 somebody else\n"
"holds it.\n";

bool
options_help(struct buf *out, const char *topic)
{
	if (topic == NULL)
		buf_adds(out, usage_text);
	else if (strcmp(topic, "settings") == 0)
		settings_list(out);
	else if (strcmp(topic, "settings-mdoc") == 0)
		settings_list_mdoc(out);
	else
		return false;
	return true;
}
