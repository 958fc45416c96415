/*
 * Any text as a reply to EHLO: what is found in it does not depend on what
 * stood there before, and no limit is larger than the RFC lets it be.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "smtp/ehlo.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf text = { 0 };
	struct ehlo a, b;

	buf_add(&text, data, n);
	memset(&a, 0, sizeof(a));
	memset(&b, 1, sizeof(b));
	ehlo_parse(&a, buf_str(&text));
	ehlo_parse(&b, buf_str(&text));
	must(a.extended && b.extended);
	must(a.pipelining == b.pipelining && a.chunking == b.chunking);
	must(a.size == b.size && a.size_max == b.size_max);
	must(a.size || a.size_max == 0);
	must(a.rcpt_max == b.rcpt_max && a.rcpt_max <= 999999);
	must(a.mail_max == b.mail_max && a.mail_max <= 999999);
	buf_release(&text);
	return 0;
}
