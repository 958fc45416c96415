#include "config.h"

#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

int
err_set(struct err *err, enum err_kind kind, const char *status,
    const char *fmt, ...)
{
	/* Apart from err->text, because an argument may point into it. */
	char text[ERR_TEXT_MAX];
	va_list ap;

	if (status == NULL)
		status = kind == ERR_TEMP ? "4.3.0" : "5.3.0";
	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		str_copy(text, sizeof(text), fmt);
	va_end(ap);
	str_sanitise(text);
	str_copy(err->status, sizeof(err->status), status);
	str_copy(err->text, sizeof(err->text), text);
	err->kind = kind;
	return -1;
}

int
err_prefix(struct err *err, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		str_copy(text, sizeof(text), fmt);
	va_end(ap);
	len = strlen(text);
	if (str_copy(text + len, sizeof(text) - len, ": "))
		len += 2;
	else
		len = strlen(text);
	str_copy(text + len, sizeof(text) - len, err->text);
	str_copy(err->text, sizeof(err->text), str_sanitise(text));
	return -1;
}
