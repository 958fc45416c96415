#include "config.h"

#include "cmd/output.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fileio.h"
#include "cmd/result.h"

/* There is one standard output, as there is one log. */
static struct {
	const char *name;
	int	 error;		/* errno of the first failure; 0: none */
} output = { "postrider", 0 };

void
output_init(const char *name)
{
	output.name = name;
	output.error = 0;
}

void
output_write(struct buf *out)
{
	if (output.error == 0 && write_all(STDOUT_FILENO, out->data,
	    out->len) < 0) {
		output.error = errno;
		if (output.error != EPIPE)
			result_complain(output.name, "standard output: %s",
			    strerror(output.error));
	}
	buf_clear(out);
}

bool
output_failed(void)
{
	return output.error != 0 && output.error != EPIPE;
}
