/*
 * Any bytes as a .netrc: a password that is found is no longer than the file,
 * and was found without the buf growing.
 */
#include "config.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "deliver/netrc.h"

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
	struct buf password = { 0 };
	const char *room = buf_reserve(&password, n + 1);
	struct err err = { 0 };
	int rc;

	rc = netrc_find((const char *)data, n, "h", "u", &password, &err);
	must(rc >= -1 && rc <= 1);
	must(password.len <= n && password.data == room);
	must(rc >= 0 || err.kind == ERR_TEMP);
	buf_release(&password);
	return 0;
}
