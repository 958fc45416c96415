/*
 * Any text as a file of settings, or as two of them: what is accepted is shown
 * so that it reads back as the same, and no account logs in to a server that
 * another file or block was meant for. Any text as a smarthost: it is written
 * so that it reads back.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xalloc.h"
#include "cmd/settings.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
begin(struct settings *s)
{
	settings_init(s);
	s->hostname = xstrdup("h.example");
	s->origin = xstrdup("o.example");
	s->spool = xstrdup("/spool");
}

/* The text, and where a line has only '%', what is behind it as a second
 * file. */
static int
read_files(struct settings *s, const char *text, size_t n)
{
	const char *split = n > 3 ? memmem(text, n, "\n%\n", 3) : NULL;
	struct buf file = { 0 };
	struct err err;
	int rc;

	buf_add(&file, text, split != NULL ? (size_t)(split - text) : n);
	rc = settings_parse(s, "one", &file, &err);
	buf_clear(&file);
	if (rc == 0 && split != NULL) {
		buf_add(&file, split + 3, n - (size_t)(split + 3 - text));
		rc = settings_parse(s, "two", &file, &err);
	}
	buf_release(&file);
	must(rc == 0 || (err.kind == ERR_CONFIG && err.text[0] != '\0'));
	return rc;
}

/* A name for what could be a password. */
static const char *
secret_of(const struct account *a)
{
	return a->password_file != NULL ? a->password_file :
	    a->password_command != NULL ? a->password_command :
	    a->token_command != NULL ? a->token_command : a->netrc;
}

/* Who shares a secret with the settings outside of accounts shares the
 * servers, too, unless both name it (which is not looked for where it could
 * have been written in several ways). */
static void
check_secrets(const struct settings *s, const char *text, size_t n)
{
	const struct account *accounts = s->routing.accounts;
	const char *ours = secret_of(&accounts[0]), *theirs;
	struct buf a = { 0 }, b = { 0 };
	const char *first;

	if (memchr(text, '~', n) != NULL || memchr(text, '"', n) != NULL)
		return;
	for (size_t i = 1; ours != NULL && i < s->routing.naccount; i++) {
		theirs = secret_of(&accounts[i]);
		if (theirs == NULL || strcmp(ours, theirs) != 0)
			continue;
		buf_clear(&a);
		buf_clear(&b);
		account_write_smarthost(&accounts[0], &a);
		account_write_smarthost(&accounts[i], &b);
		if (strcmp(buf_str(&a), buf_str(&b)) == 0)
			continue;
		first = memmem(text, n, ours, strlen(ours));
		must(first != NULL && memmem(first + 1, n - (size_t)(first + 1 - text), ours,
		    strlen(ours)) != NULL);
	}
	buf_release(&a);
	buf_release(&b);
}

/* What is shown is the same when it has been read. */
static void
reads_back(const struct settings *s, bool right)
{
	struct settings again;
	struct buf text = { 0 }, shown = { 0 }, file = { 0 };
	struct err err;

	settings_show(s, &text);
	must(strlen(buf_str(&text)) == text.len);
	buf_add(&file, text.data, text.len);
	settings_init(&again);
	must(settings_parse(&again, "again", &file, &err) == 0);
	settings_complete(&again);
	must((settings_check(&again, &err) == 0) == right);
	settings_show(&again, &shown);
	must(strcmp(buf_str(&shown), buf_str(&text)) == 0);
	settings_release(&again);
	buf_release(&text);
	buf_release(&shown);
	buf_release(&file);
}

static void
smarthost(const char *text)
{
	struct account a = { 0 };
	struct buf out = { 0 }, again = { 0 };
	struct err err = { 0 };

	if (account_set_smarthost(&a, text, &err) == 0) {
		account_write_smarthost(&a, &out);
		must(!str_has_control(buf_str(&out)));
		must(strpbrk(buf_str(&out), "#\"") == NULL);
		for (size_t i = 0; i < a.nendpoint; i++)
			must(a.endpoints[i].scheme != ENDPOINT_CLEAR ||
			    a.endpoints[i].user == NULL);
		must(account_set_smarthost(&a, buf_str(&out), &err) == 0);
		account_write_smarthost(&a, &again);
		must(strcmp(buf_str(&again), buf_str(&out)) == 0);
	} else {
		must(err.kind == ERR_CONFIG && err.text[0] != '\0');
		must(a.nendpoint == 0);
	}
	account_release(&a);
	buf_release(&out);
	buf_release(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct settings s;
	struct buf text = { 0 };
	struct err err = { 0 };

	setenv("HOME", "/home/ann", true);
	buf_add(&text, data, n);
	smarthost(buf_str(&text));
	begin(&s);
	if (read_files(&s, buf_str(&text), n) == 0) {
		settings_complete(&s);
		check_secrets(&s, text.data, n);
		reads_back(&s, settings_check(&s, &err) == 0);
		must(err.kind == ERR_NONE || err.text[0] != '\0');
		settings_smarthost(&s, text.data, NULL);
	}
	settings_release(&s);
	buf_release(&text);
	return 0;
}
