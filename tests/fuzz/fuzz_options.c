/*
 * Any words as a command line: what is accepted is within bounds and names only
 * what was given; what is refused is told in words. NUL ends a word; the first
 * is the name of the program.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cmd/options.h"
#include "mail/envelope.h"

#define WORDS_MAX 40

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* Is s, or its end, one of the words? */
static bool
is_of(const char *s, char **words, int n)
{
	for (int i = 0; i < n; i++)
		if (s >= words[i] && s <= words[i] + strlen(words[i]))
			return true;
	return false;
}

static void
look(const struct options *o, char **words, int n)
{
	const char *const texts[] = { o->sender, o->full_name, o->envid,
		o->config, o->trace, o->tag, o->account, o->import_format,
		o->import_passwords, o->interval, o->help };

	must(o->mode <= MODE_VERSION && o->delivery <= DELIVER_QUEUE &&
	    o->errors <= ERRORS_QUIET && o->ret <= RET_HDRS);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		must(texts[i] == NULL || is_of(texts[i], words, n));
	must(o->noperand >= 0 && o->noperand < n);
	for (int i = 0; i < o->noperand; i++)
		must(is_of(o->operands[i], words, n));
	must(o->envid == NULL || xtext_valid(o->envid));
	must((o->notify & NOTIFY_NEVER) == 0 || o->notify == NOTIFY_NEVER);
	must(o->notify < 16);
	must(o->wait_s >= -1 && o->lifetime_s >= -1);
	must(o->to.n + o->only_id.n + o->only_recipient.n +
	    o->only_sender.n < (size_t)n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* getopt() changes the order of one */
	char *argv[WORDS_MAX + 1], *words[WORDS_MAX];
	struct buf text = { 0 };
	struct options o;
	struct err err = { 0 };
	int argc = 0;
	size_t at = 0;

	buf_add(&text, data, n);
	buf_str(&text);
	while (at <= text.len && argc < WORDS_MAX) {
		words[argc] = argv[argc] = text.data + at;
		at += strlen(argv[argc++]) + 1;
	}
	argv[argc] = NULL;
	if (options_parse(&o, argc, argv, &err) == 0)
		look(&o, words, argc);
	else
		must(err.kind == ERR_USAGE && err.text[0] != '\0');
	options_release(&o);
	buf_release(&text);
	return 0;
}
