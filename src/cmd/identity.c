#include "config.h"

#include "cmd/identity.h"

#include <ctype.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/process.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "mail/address.h"

#define SYSTEM_SPOOL LOCALSTATEDIR "/spool/postrider"

/* A name as a canonical domain; NULL when it is none. */
static char *
canonical(const char *name)
{
	struct buf domain = { 0 };
	struct err err;
	char *found = NULL;

	if (address_domain_parse(name, &domain, &err) == 0)
		found = xstrdup(buf_str(&domain));
	buf_release(&domain);
	return found;
}

/* The first name with a dot on a line of /etc/hosts that names host; NULL
 * when there is none. Cuts the line up. */
static char *
full_name_in(char *line, const char *host)
{
	char *full = NULL, *name, *rest = NULL;
	bool named = false;

	line[strcspn(line, "#\n")] = '\0';
	if (strtok_r(line, " \t", &rest) == NULL)
		return NULL;
	while ((name = strtok_r(NULL, " \t", &rest)) != NULL) {
		named |= str_ieq(name, host);
		if (full == NULL && strchr(name, '.') != NULL)
			full = name;
	}
	return named ? full : NULL;
}

static char *
full_name_of(const char *host)
{
	FILE *hosts = fopen("/etc/hosts", "re");
	char line[1024], *full = NULL;

	while (hosts != NULL && full == NULL &&
	    fgets(line, sizeof(line), hosts) != NULL) {
		char *name = full_name_in(line, host);

		if (name != NULL)
			full = canonical(name);
	}
	if (hosts != NULL)
		fclose(hosts);
	return full;
}

char *
identity_hostname(void)
{
	char host[256] = "", *full = NULL;

	gethostname(host, sizeof(host) - 1);
	if (strchr(host, '.') == NULL && host[0] != '\0')
		full = full_name_of(host);
	if (full == NULL)
		full = canonical(host);
	return full != NULL ? full : xstrdup("localhost");
}

char *
identity_origin(const char *hostname)
{
	FILE *file = fopen("/etc/mailname", "re");
	char line[1024] = "", *name = NULL;

	if (file != NULL) {
		if (fgets(line, sizeof(line), file) != NULL)
			name = canonical(str_trim(line));
		fclose(file);
	}
	return name != NULL ? name : xstrdup(hostname);
}

bool
identity_home(struct buf *out)
{
	const char *home = getenv("HOME");
	const struct passwd *pw;

	if (home == NULL || home[0] != '/') {
		pw = getpwuid(getuid());
		home = pw != NULL ? pw->pw_dir : "";
	}
	if (home[0] != '/')
		return false;
	buf_adds(out, home);
	return true;
}

bool
identity_user_path(const char *variable, const char *fallback,
    const char *name, struct buf *out)
{
	const char *base = getenv(variable);

	if (base != NULL && base[0] == '/') {
		buf_printf(out, "%s/%s", base, name);
		return true;
	}
	if (!identity_home(out))
		return false;
	buf_printf(out, "/%s/%s", fallback, name);
	return true;
}

char *
identity_spool(void)
{
	struct buf path = { 0 };

	if (geteuid() == 0 || process_has_group() ||
	    access(SYSTEM_SPOOL, W_OK) == 0 ||
	    !identity_user_path("XDG_STATE_HOME", ".local/state", "postrider",
	    &path)) {
		buf_release(&path);
		return xstrdup(SYSTEM_SPOOL);
	}
	return buf_detach(&path);
}

/* The name in a gecos field: up to the first comma; '&' is the login. */
static char *
gecos_name(const struct passwd *pw)
{
	struct buf name = { 0 };

	for (const char *p = pw->pw_gecos; *p != '\0' && *p != ','; p++) {
		if (*p != '&')
			buf_addc(&name, *p);
		else if (pw->pw_name[0] != '\0') {
			buf_addc(&name,
			    (char)toupper((unsigned char)pw->pw_name[0]));
			buf_adds(&name, pw->pw_name + 1);
		}
	}
	return buf_detach(&name);
}

void
identity_caller(char **login, char **full_name)
{
	const struct passwd *pw = getpwuid(getuid());
	const char *name = getenv("NAME");
	char number[32];

	snprintf(number, sizeof(number), "uid%lu", (unsigned long)getuid());
	*login = xstrdup(pw != NULL && pw->pw_name[0] != '\0' ?
	    pw->pw_name : number);
	*full_name = NULL;
	if (name != NULL && name[0] != '\0')
		*full_name = xstrdup(name);
	else if (pw != NULL && pw->pw_gecos != NULL)
		*full_name = gecos_name(pw);
	if (*full_name != NULL && (*full_name)[0] == '\0') {
		free(*full_name);
		*full_name = NULL;
	}
}
