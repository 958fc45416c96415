#include "config.h"

#include "mail/status.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* RFC 3463 and the IANA registry; class 4 and 5 mean the same, sooner. */
static const struct {
	const char *detail;	/* subject.detail, or subject alone */
	const char *meaning;
} meanings[] = {
	{ "1.1", "no such mailbox" },
	{ "1.2", "no such domain" },
	{ "1.3", "bad address syntax" },
	{ "1.4", "ambiguous mailbox" },
	{ "1.6", "mailbox has moved" },
	{ "1.7", "bad sender address syntax" },
	{ "1.8", "sender's domain does not exist" },
	{ "1.9", "relayed to a host without DSN" },
	{ "1.10", "domain accepts no mail" },
	{ "2.1", "mailbox disabled" },
	{ "2.2", "mailbox full" },
	{ "2.3", "message too long for the mailbox" },
	{ "2.4", "mailing list trouble" },
	{ "3.1", "mail system full" },
	{ "3.2", "host accepts no mail now" },
	{ "3.3", "host lacks a feature that is needed" },
	{ "3.4", "message too big" },
	{ "3.5", "host configured wrongly" },
	{ "4.1", "no answer from the host" },
	{ "4.2", "connection lost" },
	{ "4.3", "no answer from a directory server" },
	{ "4.4", "no route to the host" },
	{ "4.5", "network congested" },
	{ "4.6", "mail loop" },
	{ "4.7", "delivery time expired" },
	{ "5.1", "command not allowed" },
	{ "5.2", "syntax error in a command" },
	{ "5.3", "too many recipients" },
	{ "5.4", "bad command arguments" },
	{ "5.5", "wrong protocol version" },
	{ "5.6", "line too long for authentication" },
	{ "6.1", "media type not supported" },
	{ "6.2", "conversion required and prohibited" },
	{ "6.3", "conversion required and not supported" },
	{ "6.4", "converted with loss" },
	{ "6.5", "conversion failed" },
	{ "6.6", "message content not available" },
	{ "6.7", "host does not take UTF-8 addresses" },
	{ "7.1", "refused by policy" },
	{ "7.2", "not allowed to send to the mailing list" },
	{ "7.4", "security feature not supported" },
	{ "7.5", "cryptographic failure" },
	{ "7.6", "cryptographic algorithm not supported" },
	{ "7.7", "message integrity failure" },
	{ "7.8", "authentication failed" },
	{ "7.9", "authentication mechanism too weak" },
	{ "7.10", "encryption needed" },
	{ "7.11", "encryption needed for authentication" },
	{ "7.13", "account disabled" },
	{ "7.14", "trust relationship required" },
	{ "7.20", "no passing DKIM signature" },
	{ "7.21", "no acceptable DKIM signature" },
	{ "7.22", "no DKIM signature of the author" },
	{ "7.23", "SPF check failed" },
	{ "7.24", "SPF check error" },
	{ "7.25", "no valid reverse DNS" },
	{ "7.26", "several authentication checks failed" },
	{ "7.27", "sender's domain accepts no mail" },
	{ "7.28", "sent too much" },
	{ "7.29", "ARC check failed" },
	{ "7.30", "required TLS not available" },
	{ "1", "address trouble" },
	{ "2", "mailbox trouble" },
	{ "3", "mail system trouble" },
	{ "4", "network or routing trouble" },
	{ "5", "protocol trouble" },
	{ "6", "message content trouble" },
	{ "7", "refused for security or policy" },
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Length of "." and one to three digits; 0 when that is not there. No zeros
 * in front (RFC 3464 2.3.4). */
static size_t
part_len(const char *s)
{
	size_t n = 1;

	if (s[0] != '.' || (s[1] == '0' && is_digit(s[2])))
		return 0;
	while (is_digit(s[n]))
		n++;
	return n >= 2 && n <= 4 ? n : 0;
}

/* status-code of RFC 3463 2: class "." subject "." detail. */
static size_t
code_len(const char *s)
{
	size_t subject, detail;

	if (s[0] != '2' && s[0] != '4' && s[0] != '5')
		return 0;
	subject = part_len(s + 1);
	if (subject == 0)
		return 0;
	detail = part_len(s + 1 + subject);
	return detail > 0 ? 1 + subject + detail : 0;
}

/*
 * RFC 2034 4 wants a blank behind it. "5.1.1:" and "5.1.1," are seen; but
 * "4.2.2.1" is somebody's name server and "5.1.1a" a version.
 */
static bool
may_follow(char c)
{
	return c != '.' && !is_digit(c) && !(c >= 'a' && c <= 'z') &&
	    !(c >= 'A' && c <= 'Z');
}

int
status_parse(const char *text, char *out)
{
	size_t n = code_len(text);

	out[0] = '\0';
	if (n == 0 || !may_follow(text[n]))
		return 0;
	memcpy(out, text, n);
	out[n] = '\0';
	n += strspn(text + n, " \t");
	return (int)n;
}

void
status_agree(char *status, int code)
{
	int class = code / 100;

	if (class != 2 && class != 4 && class != 5)
		return;
	if (status[0] == '\0')
		snprintf(status, STATUS_MAX, "%d.0.0", class);
	else
		status[0] = (char)('0' + class);
}

static const char *
class_meaning(char class)
{
	switch (class) {
	case '2':
		return "accepted";
	case '4':
		return "temporary failure";
	case '5':
		return "permanent failure";
	}
	return "no details given";
}

const char *
status_meaning(const char *status)
{
	size_t i, n;
	const char *detail;

	if (code_len(status) == 0 || status[0] == '2')
		return class_meaning(status[0]);
	for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		detail = meanings[i].detail;
		n = strlen(detail);
		if (strncmp(status + 2, detail, n) == 0 &&
		    (status[2 + n] == '\0' || status[2 + n] == '.'))
			return meanings[i].meaning;
	}
	return class_meaning(status[0]);
}
