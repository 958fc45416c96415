#include "config.h"

#include "cmd/settings_impl.h"

#include <stddef.h>
#include <string.h>

/* By the numbers of enum tls_level, enum envelope_from, enum from_header. */
static const char *const tls_words[] = { "off", "opportunistic", "required",
	NULL };
static const char *const envelope_words[] = { "option", "header",
	"header-always", "fixed", NULL };
static const char *const from_words[] = { "keep", "replace", NULL };

#define GLOBAL(member) 0, offsetof(struct settings, member), KEY_NOWHERE
#define ACCOUNT(flags, member) KEY_IN_ACCOUNT | (flags), KEY_NOWHERE, \
	offsetof(struct account, member)
#define BOTH(flags, member, in_account) KEY_IN_ACCOUNT | (flags), \
	offsetof(struct settings, member), offsetof(struct account, in_account)
#define NOWHERE(flags) flags, KEY_NOWHERE, KEY_NOWHERE

#define SOURCE (KEY_CREDENTIAL | KEY_SOURCE)
#define OAUTH (KEY_CREDENTIAL | KEY_OAUTH)

const struct key settings_keys[] = {
	{ "hostname", TYPE_DOMAIN, BOTH(0, hostname, hostname),
	    "(the machine's name)", 0, 0, NULL,
	    "The name this machine greets other servers with, and by which it "
	    "signs reports and Received fields. It should be the name that its "
	    "address resolves to. That of an account is for greetings only." },
	{ "origin", TYPE_DOMAIN, GLOBAL(origin),
	    "(/etc/mailname, or hostname)", 0, 0, NULL,
	    "The domain of addresses without one: the sender login@origin, and "
	    "recipients such as root." },
	{ "spool", TYPE_PATH, GLOBAL(spool), "(/var/spool/postrider)",
	    0, 0, NULL,
	    "The directory in which messages wait. Where a user cannot write "
	    "there it is $XDG_STATE_HOME/postrider "
	    "(~/.local/state/postrider)." },
	{ "nameserver", TYPE_SERVERS, GLOBAL(nameserver), "(/etc/resolv.conf)",
	    0, 0, NULL,
	    "Name servers to ask instead of those in /etc/resolv.conf, blanks "
	    "between: 192.0.2.53, 127.0.0.1:5353, [2001:db8::53]:53." },
	{ "smtp-port", TYPE_NUMBER, GLOBAL(smtp_port), "25", 1, 65535, NULL,
	    "The port of mail exchangers, for tests and odd networks. With any "
	    "other than 25, addresses of this machine are not taken for "
	    "Postrider's own." },
	{ "tls", TYPE_CHOICE, GLOBAL(tls), "opportunistic", 0, 0, tls_words,
	    "opportunistic: encrypt where the server offers it, go on in clear "
	    "where that fails. required: do not deliver in clear. off: never "
	    "encrypt. A smarthost's URL says for itself." },

	{ "smarthost", TYPE_SMARTHOST, ACCOUNT(0, endpoints), "(none)",
	    0, 0, NULL,
	    "The server that takes all mail: smtps://USER@HOST, or smtp:// for "
	    "STARTTLS, smtp+plain:// for no encryption and no user, "
	    "auto:USER@DOMAIN for what the DNS says of the domain. Several, "
	    "with blanks between, are tried in order; those with commas "
	    "between share the work. none: mail goes to the mail exchangers." },
	{ "smarthost-command", TYPE_COMMAND, GLOBAL(smarthost_command),
	    "(none)", 0, 0, NULL,
	    "Instead of smarthost: a shell command that prints what it would "
	    "say, or none, for a smarthost that depends on the network." },
	{ "password-file", TYPE_PATH, ACCOUNT(SOURCE, password_file), "(none)",
	    0, 0, NULL,
	    "The password for the user of the smarthost is the first line of "
	    "this file, which must be closed to others." },
	{ "password-command", TYPE_COMMAND, ACCOUNT(SOURCE, password_command),
	    "(none)", 0, 0, NULL,
	    "A shell command that prints the password." },
	{ "token-command", TYPE_COMMAND, ACCOUNT(SOURCE, token_command),
	    "(none)", 0, 0, NULL,
	    "A shell command that prints an OAuth access token." },
	{ "netrc", TYPE_PATH, ACCOUNT(SOURCE, netrc), "(none)", 0, 0, NULL,
	    "A file in the format of .netrc; the password is that of the "
	    "smarthost's name and user." },
	{ "oauth-token-url", TYPE_URL, ACCOUNT(SOURCE | KEY_OAUTH,
	    oauth_token_url), "(none)", 0, 0, NULL,
	    "Where access tokens come from (RFC 6749), https:// only. Needs "
	    "oauth-client-id and oauth-refresh-token-file." },
	{ "oauth-client-id", TYPE_TEXT, ACCOUNT(OAUTH, oauth_client_id),
	    "(none)", 0, 0, NULL,
	    "As whom tokens are asked for: what the provider calls the "
	    "program." },
	{ "oauth-client-secret-file", TYPE_PATH, ACCOUNT(OAUTH,
	    oauth_client_secret_file), "(none)", 0, 0, NULL,
	    "A file with the client's secret, where the provider wants one." },
	{ "oauth-refresh-token-file", TYPE_PATH, ACCOUNT(OAUTH,
	    oauth_refresh_token_file), "(none)", 0, 0, NULL,
	    "A file with the refresh token that access tokens are given for." },
	{ "oauth-scope", TYPE_TEXT, ACCOUNT(OAUTH, oauth_scope), "(none)",
	    0, 0, NULL,
	    "The scope to ask for, where it is not that of the refresh "
	    "token." },
	{ "auth", TYPE_MECHANISMS, ACCOUNT(KEY_CREDENTIAL, auth),
	    "(all but gssapi and ntlm)", 0, 0, NULL,
	    "The mechanisms that may be used to log in: plain, login, "
	    "cram-md5, digest-md5, scram-sha-1, scram-sha-256, xoauth2, "
	    "oauthbearer, external, gssapi, ntlm." },
	{ "ca-file", TYPE_PATH, ACCOUNT(KEY_HANDED_DOWN, ca_file),
	    "(the system's)", 0, 0, NULL,
	    "The certificates of those who may vouch for a smarthost's." },
	{ "client-cert", TYPE_CERTIFICATE, ACCOUNT(KEY_CREDENTIAL,
	    client_cert), "(none)", 0, 0, NULL,
	    "A certificate to show to the smarthost: a file in PEM, or a "
	    "pkcs11: URI." },
	{ "client-key", TYPE_CERTIFICATE, ACCOUNT(KEY_CREDENTIAL, client_key),
	    "(in client-cert)", 0, 0, NULL,
	    "The private key of client-cert." },
	{ "tls-pin", TYPE_PIN, ACCOUNT(KEY_CREDENTIAL, tls_pin), "(none)",
	    0, 0, NULL,
	    "sha256// and the hash, in base 64, of the only public key that "
	    "the smarthost may have. Who has signed its certificate does not "
	    "matter then." },
	{ "proxy", TYPE_PROXY, ACCOUNT(KEY_HANDED_DOWN, proxy), "(none)",
	    0, 0, NULL,
	    "The way to the smarthost leads through this proxy: "
	    "socks5://[USER:PASSWORD@]HOST:PORT, or http:// (CONNECT)." },
	{ "source-address", TYPE_ADDRESSES, ACCOUNT(KEY_HANDED_DOWN,
	    source_address), "(the system's choice)", 0, 0, NULL,
	    "The IP address to connect from, or one IPv4 and one IPv6 "
	    "address." },
	{ "from", TYPE_FROM, BOTH(0, from, from), "(login@origin)",
	    0, 0, NULL,
	    "The sender where the caller names none. In an account: patterns "
	    "of the senders whose mail it takes, *@example.org or example.org; "
	    "the first that is an address is the sender for --account." },
	{ "envelope-from", TYPE_CHOICE, GLOBAL(envelope_from), "option",
	    0, 0, envelope_words,
	    "Where the sender comes from. option: -f, else from. header: -f, "
	    "else the From field. header-always: the From field, even with "
	    "-f. fixed: from, even with -f." },
	{ "from-header", TYPE_CHOICE, GLOBAL(from_header), "keep", 0, 0,
	    from_words,
	    "keep: the From field stays as it is. replace: it gets the "
	    "sender's address." },
	{ "rewrite-sender", TYPE_RULE, NOWHERE(KEY_REPEATS), "(none)",
	    0, 0, NULL,
	    "PATTERN ADDRESS: senders that the pattern fits become the "
	    "address; @DOMAIN keeps the local-part. May be repeated; the first "
	    "that fits counts." },
	{ "masquerade", TYPE_MASQUERADE, NOWHERE(0), "(none)", 0, 0, NULL,
	    "DOMAIN [PATTERN...]: senders at hostname, at origin and below "
	    "DOMAIN, or instead of these at the patterns, get DOMAIN." },
	{ "route", TYPE_ROUTE, NOWHERE(KEY_REPEATS), "(none)", 0, 0, NULL,
	    "PATTERN... [from:PATTERN...] and one of: direct, smarthost "
	    "[ACCOUNT], host NAME[:PORT], discard, refuse [[5.x.x] TEXT]. Where "
	    "mail to these recipients (from these senders) goes. May be "
	    "repeated; the first that fits counts." },

	{ "wait", TYPE_TIME, GLOBAL(wait), "30s", 0, 86400, NULL,
	    "How long a caller waits for deliveries. After that the rest is "
	    "made safe in the queue, the command returns 0, and deliveries go "
	    "on in the background." },
	{ "recipients-max", TYPE_NUMBER, GLOBAL(recipients_max), "200000",
	    1, 1000000, NULL,
	    "The most recipients that one message may have, those of the "
	    "command line and, with -t, of the header together. Of one with "
	    "more nothing is sent; the exit status is 65." },
	{ "jobs", TYPE_NUMBER, GLOBAL(jobs), "100", 1, 2000, NULL,
	    "Delivery processes at the same time." },
	{ "site-connections", TYPE_NUMBER, GLOBAL(site_connections), "5",
	    1, 100, NULL,
	    "Of these, at most so many at one site, that is, at domains with "
	    "the same mail exchangers." },
	{ "connection-messages", TYPE_NUMBER, GLOBAL(connection_messages),
	    "100", 1, 1000, NULL,
	    "Messages sent over one connection." },
	{ "transaction-recipients", TYPE_NUMBER,
	    GLOBAL(transaction_recipients), "100", 1, 1000, NULL,
	    "Recipients of one message in one transaction." },
	{ "lifetime", TYPE_TIME, GLOBAL(lifetime), "5d", 60, LIFETIME_MAX_S,
	    NULL,
	    "How long delivery is tried before a message goes back to its "
	    "sender." },
	{ "bounce-lifetime", TYPE_TIME, GLOBAL(bounce_lifetime), "2d",
	    60, LIFETIME_MAX_S, NULL,
	    "The same for the reports that Postrider makes itself." },
	{ "delay-warning", TYPE_TIME, GLOBAL(delay_warning), "0", 0, 8640000,
	    NULL,
	    "When the sender is told, once, that a message still waits. 0: only "
	    "who has asked for it (-N delay), after 4 hours. Not for "
	    "recipients of whom the sender wants no such report." },
	{ "retry-first", TYPE_TIME, GLOBAL(retry_first), "5m", 1, 86400, NULL,
	    "The time to the second attempt. It doubles with each further one, "
	    "and is varied by a fifth, so that not all come at once." },
	{ "retry-max", TYPE_TIME, GLOBAL(retry_max), "4h", 1, 864000, NULL,
	    "The longest time between two attempts." },
	{ "double-bounce", TYPE_ADDRESS, GLOBAL(double_bounce), "(none)",
	    0, 0, NULL,
	    "Where reports go that cannot be delivered to the sender. Without "
	    "it they are kept in hold/ below the spool and logged." },
	{ "dsn-size", TYPE_SIZE, GLOBAL(dsn_size), "50K", 0, 1u << 30, NULL,
	    "A report holds the whole message up to this size, of a larger one "
	    "the header only." },
	{ "log", TYPE_LOG, GLOBAL(log), "syslog", 0, 0, NULL,
	    "syslog (facility mail), stderr, none, or the path of a file." },
	{ "worker-user", TYPE_TEXT, GLOBAL(worker_user), "postrider",
	    0, 0, NULL,
	    "The user as whom processes that read the network run when "
	    "Postrider is started by root; nobody when there is none." },
	{ "dns-timeout", TYPE_TIME, GLOBAL(dns_timeout), "20s", 1, 600, NULL,
	    "For all the lookups of one domain." },
	{ "connect-timeout", TYPE_TIME, GLOBAL(connect_timeout), "0",
	    0, 600, NULL,
	    "For the connection to one address; 0: 10 seconds while a caller "
	    "waits, else 30." },
	{ "command-timeout", TYPE_TIME, GLOBAL(command_timeout), "0",
	    0, 3600, NULL,
	    "The longest wait for any reply but the last; 0: 15 seconds to a "
	    "minute while a caller waits, else as RFC 5321 says, 2 to 5 "
	    "minutes." },
	{ "dot-timeout", TYPE_TIME, GLOBAL(dot_timeout), "10m", 1, 3600, NULL,
	    "The wait for the reply to the end of a message. A shorter one "
	    "makes duplicates." },
	{ "destination-timeout", TYPE_TIME, GLOBAL(destination_timeout), "20m",
	    1, 86400, NULL,
	    "For one destination altogether, and a second more for each 4 KB "
	    "sent." },

	{ "account", TYPE_ACCOUNT, NOWHERE(KEY_IN_ACCOUNT | KEY_REPEATS),
	    "(none)", 0, 0, NULL,
	    "NAME: what follows, up to the next account or the end of the "
	    "file, is for mail of this account only. It may have the settings "
	    "that are marked so. Without a smarthost it takes the one outside "
	    "of accounts and how to log in there; with one of its own it takes "
	    "no password, certificate or pin from there." },
};

const size_t settings_nkey = sizeof(settings_keys) / sizeof(settings_keys[0]);

const struct key *
key_find(const char *name)
{
	for (size_t i = 0; i < settings_nkey; i++)
		if (strcmp(settings_keys[i].name, name) == 0)
			return &settings_keys[i];
	return NULL;
}

void *
key_at(struct settings *s, const struct key *key, size_t account)
{
	if (account == 0 && key->at != KEY_NOWHERE)
		return (char *)s + key->at;
	return (char *)&s->routing.accounts[account] + key->account_at;
}

const void *
key_value(const struct settings *s, const struct key *key, size_t account)
{
	if (account == 0 && key->at != KEY_NOWHERE)
		return (const char *)s + key->at;
	return (const char *)&s->routing.accounts[account] + key->account_at;
}
