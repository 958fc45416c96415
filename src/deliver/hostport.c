#include "config.h"

#include "deliver/hostport.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"
#include "mail/address.h"

/* An IP address in normal form, or NULL. */
static char *
normal_address(const char *text)
{
	char normal[INET6_ADDRSTRLEN];
	unsigned char ip[16];
	int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;

	if (inet_pton(family, text, ip) != 1 ||
	    inet_ntop(family, ip, normal, sizeof(normal)) == NULL)
		return NULL;
	return xstrdup(normal);
}

bool
hostport_is_address(const char *host)
{
	unsigned char ip[16];

	return inet_pton(AF_INET, host, ip) == 1 ||
	    inet_pton(AF_INET6, host, ip) == 1;
}

/* What stands in brackets, or alone. NULL: it is no host. */
static char *
parse_host(char *text, bool bracketed)
{
	struct buf name = { 0 };
	struct err err;
	char *host = normal_address(str_istarts(text, "IPv6:") && bracketed ?
	    text + 5 : text);

	if (host != NULL || bracketed || strchr(text, ':') != NULL ||
	    strspn(text, "0123456789.") == strlen(text))
		return host;
	if (address_domain_parse(text, &name, &err) == 0 &&
	    !address_is_literal(buf_str(&name)))
		host = xstrdup(buf_str(&name));
	buf_release(&name);
	return host;
}

/* Cut the port off. Returns 0, or -1 when what is behind the host is none. */
static int
cut_port(char *text, bool bracketed, uint16_t *port)
{
	char *end = bracketed ? strchr(text, ']') : text;
	uint64_t number;

	if (end == NULL)
		return -1;
	if (bracketed)
		*end++ = '\0';
	else if ((end = strchr(text, ':')) != NULL &&
	    strchr(end + 1, ':') != NULL)
		return 0;	/* an IPv6 address without brackets */
	*port = 0;
	if (end == NULL || *end == '\0')
		return 0;
	if (*end != ':' || str_number(end + 1, 65535, &number) < 0 ||
	    number == 0)
		return -1;
	*end = '\0';
	*port = (uint16_t)number;
	return 0;
}

int
hostport_parse(const char *text, size_t n, char **host, uint16_t *port,
    struct err *err)
{
	char *copy = xstrndup(text, n);
	bool bracketed = copy[0] == '[';
	char *found = NULL;
	uint16_t number = 0;

	if (cut_port(copy + bracketed, bracketed, &number) == 0)
		found = parse_host(copy + bracketed, bracketed);
	free(copy);
	if (found == NULL)
		return err_set(err, ERR_CONFIG, NULL, "\"%.*s\" is no host or "
		    "host:port; an IPv6 address stands in brackets",
		    (int)(n < 200 ? n : 200), text);
	*host = found;
	*port = number;
	return 0;
}

void
hostport_write(const char *host, uint16_t port, struct buf *out)
{
	bool six = strchr(host, ':') != NULL;

	buf_printf(out, "%s%s%s", six ? "[" : "", host, six ? "]" : "");
	if (port != 0)
		buf_printf(out, ":%u", (unsigned)port);
}
