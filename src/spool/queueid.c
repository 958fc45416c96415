#include "config.h"

#include "spool/queueid.h"

#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/process.h"

static const char digits[] =
    "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";

/* Write n as width digits of that base, the highest first. */
static void
put(char *out, size_t width, uint64_t n, unsigned base)
{
	while (width-- > 0) {
		out[width] = digits[n % base];
		n /= base;
	}
}

void
queueid_make(char *out)
{
	uint64_t now = (uint64_t)clock_wall_us(), random;

	process_random(&random, sizeof(random));
	put(out, 6, now / 1000000, 52);
	put(out + 6, 4, now % 1000000, 52);
	out[10] = 'z';
	put(out + 11, 5, random, 51);
	out[QUEUEID_LEN] = '\0';
}

bool
queueid_valid(const char *s)
{
	return strlen(s) == QUEUEID_LEN && s[10] == 'z' &&
	    strspn(s, digits) == QUEUEID_LEN &&
	    strchr(s + 11, 'z') == NULL;
}
