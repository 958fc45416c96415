#include "config.h"

#include "smtp/ehlo.h"

#include <stddef.h>
#include <string.h>

#include "base/str.h"

#define KEYWORD_MAX 32
#define PARAMS_MAX 256
#define LIMIT_MAX 999999	/* RFC 9422 4: up to six digits */

static void
size_parse(struct ehlo *ehlo, char *params)
{
	uint64_t max = 0;

	if (*params != '\0' && str_number(params, UINT64_MAX, &max) < 0)
		return;
	ehlo->size = true;
	ehlo->size_max = max;
}

/* "LIMITS MAILMAX=20 RCPTMAX=100"; names we do not know are no limit to us. */
static void
limits_parse(struct ehlo *ehlo, char *params)
{
	char *save, *limit, *value;
	uint64_t n;

	for (limit = strtok_r(params, " ", &save); limit != NULL;
	     limit = strtok_r(NULL, " ", &save)) {
		if ((value = strchr(limit, '=')) == NULL)
			continue;
		*value++ = '\0';
		if (str_number(value, LIMIT_MAX, &n) < 0)
			continue;
		if (str_ieq(limit, "RCPTMAX"))
			ehlo->rcpt_max = (unsigned)n;
		else if (str_ieq(limit, "MAILMAX"))
			ehlo->mail_max = (unsigned)n;
	}
}

static const struct {
	const char *keyword;
	size_t	    flag;	/* a bool of struct ehlo, or ... */
	void	    (*parse)(struct ehlo *, char *params);
} keywords[] = {
	{ "PIPELINING", offsetof(struct ehlo, pipelining), NULL },
	{ "SIZE", 0, size_parse },
	{ "8BITMIME", offsetof(struct ehlo, eightbit), NULL },
	{ "ENHANCEDSTATUSCODES", offsetof(struct ehlo, status_codes), NULL },
	{ "STARTTLS", offsetof(struct ehlo, starttls), NULL },
	{ "CHUNKING", offsetof(struct ehlo, chunking), NULL },
	{ "DSN", offsetof(struct ehlo, dsn), NULL },
	{ "SMTPUTF8", offsetof(struct ehlo, utf8), NULL },
	{ "LIMITS", 0, limits_parse },
};

/* ehlo-line = ehlo-keyword *( SP ehlo-param ) */
static void
line_parse(struct ehlo *ehlo, char *line)
{
	char *params = line + strcspn(line, " ");
	size_t i;

	if (*params != '\0')
		*params++ = '\0';
	params = str_trim(params);
	for (i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (!str_ieq(line, keywords[i].keyword))
			continue;
		if (keywords[i].parse != NULL)
			keywords[i].parse(ehlo, params);
		else
			*((bool *)((char *)ehlo + keywords[i].flag)) = true;
		return;
	}
}

void
ehlo_parse(struct ehlo *ehlo, const char *text)
{
	char line[KEYWORD_MAX + PARAMS_MAX];
	size_t n;

	*ehlo = (struct ehlo){ .extended = true };
	while ((text = strchr(text, '\n')) != NULL) {
		n = strcspn(++text, "\n");
		if (n >= sizeof(line))
			continue;
		memcpy(line, text, n);
		line[n] = '\0';
		line_parse(ehlo, str_trim(line));
	}
}
