#include "config.h"

#include "deliver/netrc.h"

#include <stdbool.h>
#include <string.h>

#include "base/secret.h"
#include "base/str.h"

struct reader {
	const char *p, *end;
	struct buf word;	/* the latest */
};

/* The entry that is being read. */
struct entry {
	bool	 machine, login;	/* do they fit? */
	bool	 has_password;
};

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
skip_line(struct reader *r)
{
	while (r->p < r->end && *r->p++ != '\n')
		;
}

/* To the next word, or the end. Comments are none where a word is due. */
static void
skip_space(struct reader *r, bool is_keyword)
{
	while (r->p < r->end) {
		if (is_space(*r->p))
			r->p++;
		else if (is_keyword && *r->p == '#')
			skip_line(r);
		else
			return;
	}
}

static char
unescape(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	}
	return c;
}

static int
read_quoted(struct reader *r, struct err *err)
{
	while (++r->p < r->end && *r->p != '"') {
		if (*r->p == '\\' && r->end - r->p > 1)
			buf_addc(&r->word, unescape(*++r->p));
		else
			buf_addc(&r->word, *r->p);
	}
	if (r->p == r->end)
		return err_set(err, ERR_TEMP, "4.7.0", "quotes do not end");
	r->p++;
	return 1;
}

/* Returns 1, 0 at the end, -1. */
static int
read_word(struct reader *r, bool is_keyword, struct err *err)
{
	buf_clear(&r->word);
	skip_space(r, is_keyword);
	if (r->p == r->end)
		return 0;
	if (*r->p == '"')
		return read_quoted(r, err);
	while (r->p < r->end && !is_space(*r->p))
		buf_addc(&r->word, *r->p++);
	return 1;
}

/* The word behind a keyword: there must be one. */
static int
read_value(struct reader *r, const char *keyword, struct err *err)
{
	int rc = read_word(r, false, err);

	if (rc == 0)
		return err_set(err, ERR_TEMP, "4.7.0",
		    "%s with nothing behind it", keyword);
	return rc;
}

/* A macro ends at the first empty line. */
static void
skip_macro(struct reader *r)
{
	skip_line(r);
	while (r->p < r->end && *r->p != '\n')
		skip_line(r);
}

static bool
is_word(struct reader *r, const char *want)
{
	return r->word.len == strlen(want) &&
	    memcmp(r->word.data, want, r->word.len) == 0;
}

static int
read_machine(struct reader *r, struct entry *e, const char *host,
    struct err *err)
{
	if (read_value(r, "machine", err) < 0)
		return -1;
	*e = (struct entry){ .login = true };
	e->machine = str_ieq(buf_str(&r->word), host);
	return 1;
}

static int
read_password(struct reader *r, struct entry *e, struct buf *password,
    struct err *err)
{
	if (read_value(r, "password", err) < 0)
		return -1;
	e->has_password = true;
	if (e->machine) {
		buf_clear(password);
		buf_add(password, r->word.data, r->word.len);
	}
	return 1;
}

/* What follows the keyword in r->word, within an entry. */
static int
read_field(struct reader *r, struct entry *e, const char *user,
    struct buf *password, struct err *err)
{
	if (is_word(r, "login")) {
		if (read_value(r, "login", err) < 0)
			return -1;
		e->login = is_word(r, user);
	} else if (is_word(r, "password"))
		return read_password(r, e, password, err);
	else if (is_word(r, "account"))
		return read_value(r, "account", err);
	else if (is_word(r, "macdef"))
		skip_macro(r);
	return 1;
}

static bool
is_found(const struct entry *e)
{
	return e->machine && e->login && e->has_password;
}

/* Returns 1 when the entry that ended fits, 0 at the end of all, -1. */
static int
read_entries(struct reader *r, const char *host, const char *user,
    struct buf *password, struct err *err)
{
	struct entry e = { 0 };
	int rc;

	while ((rc = read_word(r, true, err)) > 0) {
		if (is_word(r, "machine") || is_word(r, "default")) {
			if (is_found(&e))
				return 1;
			if (is_word(r, "machine"))
				rc = read_machine(r, &e, host, err);
			else
				e = (struct entry){ true, true, false };
		} else
			rc = read_field(r, &e, user, password, err);
		if (rc < 0)
			return -1;
	}
	return rc < 0 ? -1 : is_found(&e);
}

int
netrc_find(const char *text, size_t n, const char *host, const char *user,
    struct buf *password, struct err *err)
{
	struct reader r = { .p = text, .end = text + n };
	int rc;

	buf_clear(password);
	if (n == 0)
		return 0;
	if (memchr(text, '\0', n) != NULL)
		return err_set(err, ERR_TEMP, "4.7.0", "holds a NUL");
	/* one octet more for buf_str() */
	buf_reserve(&r.word, n + 1);
	rc = read_entries(&r, host, user, password, err);
	secret_wipe(r.word.data, r.word.cap);
	buf_release(&r.word);
	return rc;
}
